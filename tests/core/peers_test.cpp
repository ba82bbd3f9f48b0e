#include "server/core/peers.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "server/core/shard_set.hpp"

namespace {

using namespace martlet::core;

constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();

// More shards than one word of a set has bits.
constexpr ShardIndex many = 200;

std::vector<ShardIndex> members(const ShardSet& set) {
    std::vector<ShardIndex> all;
    set.for_each([&](ShardIndex shard) { all.push_back(shard); });
    return all;
}

struct Sent {
    ShardIndex to;
    ShardBatch batch;
};

std::vector<Sent> take(Peers& peers) {
    std::vector<Sent> sent;
    peers.take_batches([&](ShardIndex to, ShardBatch batch) {
        sent.push_back({to, std::move(batch)});
    });
    return sent;
}

const ConfirmItem& confirm_in(const Sent& sent) {
    REQUIRE(sent.batch.items.size() == 1);
    return std::get<ConfirmItem>(sent.batch.items.front());
}

}  // namespace

TEST_CASE("shard set: walks its members in ascending order") {
    ShardSet set(many);
    for (const ShardIndex shard : std::vector<ShardIndex>{199, 0, 64, 63, 128}) {
        set.insert(shard);
    }
    CHECK(members(set) == std::vector<ShardIndex>{0, 63, 64, 128, 199});
    set.erase(64);
    set.erase(1);
    CHECK(members(set) == std::vector<ShardIndex>{0, 63, 128, 199});
    CHECK(set.contains(63));
    CHECK_FALSE(set.contains(64));
}

TEST_CASE("shard set: a member may be erased when its turn comes") {
    ShardSet set(many);
    for (ShardIndex shard = 0; shard < many; ++shard) {
        set.insert(shard);
    }
    std::size_t visits = 0;
    set.for_each([&](ShardIndex shard) {
        ++visits;
        set.erase(shard);
    });
    CHECK(visits == many);
    CHECK(members(set).empty());
}

TEST_CASE("peers: each that has something is sent one batch in the order of shards") {
    Peers peers(many);
    peers.send(150, PauseItem{});
    peers.send(3, PauseItem{});
    peers.send(150, RestoredItem{});
    const std::vector<Sent> sent = take(peers);
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].to == 3);
    CHECK(sent[0].batch.items.size() == 1);
    CHECK(sent[1].to == 150);
    CHECK(sent[1].batch.items.size() == 2);
    CHECK(take(peers).empty());
}

TEST_CASE("peers: what is sent while batches are taken leaves with the next") {
    Peers peers(3);
    peers.send(1, PauseItem{});
    peers.take_batches([&](ShardIndex to, const ShardBatch&) { peers.send(to, RestoredItem{}); });
    const std::vector<Sent> sent = take(peers);
    REQUIRE(sent.size() == 1);
    CHECK(std::holds_alternative<RestoredItem>(sent[0].batch.items.front()));
}

TEST_CASE("peers: the slowest of those that owe something counts and no other") {
    Peers peers(many);
    CHECK(peers.confirmed() == everything);
    peers.note_sent(2, 5);
    peers.note_sent(190, 7);
    CHECK(peers.confirmed() == 0);
    peers.on_confirmed(190, {6, 0});
    CHECK(peers.confirmed() == 0);
    peers.on_confirmed(2, {5, 0});
    CHECK(peers.confirmed() == 6);  // 2 owes nothing any more, though 5 is less
    peers.note_sent(2, 9);
    CHECK(peers.confirmed() == 5);
    peers.on_confirmed(2, {9, 0});
    peers.on_confirmed(190, {7, 0});
    CHECK(peers.confirmed() == everything);
}

TEST_CASE("peers: what goes to groups is confirmed apart") {
    Peers peers(4);
    peers.note_sent(1, 3);
    peers.note_shared_sent(1, 8);
    peers.on_confirmed(1, {3, 0});
    CHECK(peers.confirmed() == everything);
    CHECK(peers.shared_confirmed() == 0);
    peers.on_confirmed(1, {0, 8});
    CHECK(peers.shared_confirmed() == everything);
    CHECK(peers.confirmed() == everything);
}

TEST_CASE("peers: what was confirmed ahead counts for itself alone") {
    Peers peers(3);
    peers.note_sent(1, 9);
    peers.note_sent(2, 6);
    peers.on_confirmed(2, {6, 0});
    peers.on_confirmed_ahead(1, {4, 6});
    CHECK(peers.confirmed() == 0);
    CHECK_FALSE(peers.have_confirmed(3, Interest::all));
    CHECK(peers.have_confirmed(4, Interest::all));
    CHECK(peers.have_confirmed(6, Interest::all));
    CHECK_FALSE(peers.have_confirmed(7, Interest::all));
    CHECK(peers.have_confirmed(7, Interest::bit(2)));  // which owes nothing
    CHECK_FALSE(peers.have_confirmed(7, Interest::bit(1) | Interest::bit(2)));
    peers.on_confirmed(1, {3, 0});
    CHECK(peers.have_confirmed(3, Interest::all));
    CHECK(peers.have_confirmed(5, Interest::all));
    peers.on_confirmed(1, {9, 0});
    CHECK(peers.have_confirmed(8, Interest::all));
}

TEST_CASE("peers: a batch is confirmed once it and all before it are durable") {
    Peers peers(many);
    peers.await(130, {{1, 4}, 10, 0});
    peers.await(130, {{5, 5}, 0, 0});
    peers.confirm(9);
    CHECK(take(peers).empty());
    peers.confirm(10);
    const std::vector<Sent> sent = take(peers);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].to == 130);
    CHECK(confirm_in(sent[0]).sequence == 5);
    CHECK(confirm_in(sent[0]).shared_sequence == 0);
    peers.confirm(10);
    CHECK(take(peers).empty());
}

TEST_CASE("peers: a batch whose messages went on to groups waits for these too") {
    Peers peers(4);
    peers.note_shared_sent(3, 2);
    peers.await(1, {{1, 1}, 0, 2});
    peers.await_shared(2, {{6, 6}, 0, 0});
    peers.confirm(0);
    std::vector<Sent> sent = take(peers);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].to == 2);
    CHECK(confirm_in(sent[0]).shared_sequence == 6);
    peers.on_confirmed(3, {0, 2});
    peers.confirm(0);
    sent = take(peers);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].to == 1);
    CHECK(confirm_in(sent[0]).sequence == 1);
}

TEST_CASE("peers: ahead is told what waits only for what came before it") {
    Peers peers(2);
    peers.await(1, {{1, 3}, 10, 0});
    peers.await(1, {{4, 6}, 0, 0});
    peers.confirm_ahead(9);
    const std::vector<Sent> sent = take(peers);
    REQUIRE(sent.size() == 1);
    REQUIRE(sent[0].batch.items.size() == 1);
    const auto& ahead = std::get<ConfirmAheadItem>(sent[0].batch.items.front());
    CHECK(ahead.sequences.first == 4);
    CHECK(ahead.sequences.last == 6);
}

TEST_CASE("peers: small publications share one item of their batch and come out as they went in") {
    Peers peers(2);
    const auto send = [&peers](std::string_view topic, std::uint64_t sequence) {
        MessageParts parts;
        parts.topic = topic;
        peers.send_small(1, Publication(parts), sequence, false);
    };
    send("a", 1);
    send("b", 2);
    peers.send(1, RestoredItem{});
    send("c", 3);
    const std::vector<Sent> sent = take(peers);
    REQUIRE(sent.size() == 1);
    const ShardBatch& batch = sent[0].batch;
    REQUIRE(batch.items.size() == 3);
    CHECK(std::get<SmallPublishesItem>(batch.items[0]).count == 2);
    CHECK(std::get<SmallPublishesItem>(batch.items[2]).count == 1);
    std::size_t offset = 0;
    std::string topics;
    while (offset < batch.small.size_bytes()) {
        topics += batch.small.read(offset).publication().topic();
    }
    CHECK(topics == "abc");
}
