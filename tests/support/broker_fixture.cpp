#include "tests/support/broker_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

namespace martlet::tests {

using core::ShardIndex;

FakeClient& BrokerFixture::client(std::string client_id) {
    return clients_.emplace_back(*this, std::move(client_id));
}

FakeClient& BrokerFixture::connect(std::string client_id, const ConnectOptions& options) {
    FakeClient& made = client(std::move(client_id));
    made.connect(options);
    const std::vector<Packet> packets = made.take_packets();
    if (packets.size() != 1 || packets[0].type != protocol::PacketType::connack ||
        packets[0].reason != protocol::ReasonCode::success) {
        throw std::runtime_error(made.client_id() + " was not accepted");
    }
    return made;
}

WireIndex BrokerFixture::open_wire() {
    next_accept_ = static_cast<ShardIndex>((next_accept_ + 1) % world_.shard_count());
    return world_.open_wire(next_accept_);
}

std::string BrokerFixture::client_id_on(ShardIndex shard, std::string_view prefix) const {
    for (int i = 0;; ++i) {
        std::string id = std::string(prefix) + std::to_string(i);
        if (core::home_of_client(id, world_.options().hash_seed, world_.options().shards) ==
            shard) {
            return id;
        }
    }
}

void BrokerFixture::run_unless_held() {
    if (!held.all) {
        run();
    }
}

void BrokerFixture::run() {
    constexpr int rounds_max = 100'000;
    bool moves = true;
    for (int round = 0; moves; ++round) {
        if (round == rounds_max) {
            throw std::runtime_error("the broker never comes to rest");
        }
        moves = false;
        for (ShardIndex shard = 0; shard < world_.shard_count(); ++shard) {
            moves = run_once(shard) || moves;
        }
        for (FakeClient& client : clients_) {
            if (client.read()) {
                world_.drain(client.wire_index());
                moves = true;
            }
        }
    }
}

bool BrokerFixture::run_once(ShardIndex shard) {
    bool moves = run_network(shard);
    moves = run_inputs(shard) || moves;
    moves = world_.shard(shard).has_work() || moves;
    world_.end_pass(shard);
    world_.check_invariants();
    return moves || waits(shard);
}

// Whether the pass has left something on its way.
bool BrokerFixture::waits(ShardIndex shard) {
    bool found = !held.store && world_.store(shard).is_busy();
    for (ShardIndex to = 0; !held.mailboxes && to < world_.shard_count(); ++to) {
        found = found || !world_.mailbox(shard, to).empty();
    }
    return found;
}

bool BrokerFixture::run_network(ShardIndex shard) {
    bool moves = false;
    for (WireIndex index = 0; index < world_.wire_count(); ++index) {
        if (world_.wire(index).shard != shard || world_.wire(index).closed) {
            continue;
        }
        const bool resumed = world_.wire(index).resumed;
        moves = world_.arrive(index, unlimited) || moves;
        moves = (resumed && world_.take_kept(index)) || moves;
        moves = world_.tell_written(index) || moves;
        moves = world_.finish_closing(index) || moves;
    }
    return moves;
}

bool BrokerFixture::run_inputs(ShardIndex shard) {
    bool moves = world_.tick(shard);
    for (ShardIndex from = 0; !held.mailboxes && from < world_.shard_count(); ++from) {
        while (world_.deliver_batch(from, shard)) {
            moves = true;
        }
    }
    while (!held.store && world_.complete_store(shard)) {
        moves = true;
    }
    return moves;
}

void BrokerFixture::pass_time(core::Duration duration) {
    const core::Instant end = world_.now() + duration;
    run();
    while (world_.now() < end) {
        core::Instant next = end;
        for (ShardIndex shard = 0; shard < world_.shard_count(); ++shard) {
            next = std::min(next, world_.shard(shard).next_deadline());
        }
        world_.pass_time(std::max(next - world_.now(), core::Duration(1)));
        run();
    }
}

void in_every_broker(const WorldOptions& options, const BrokerTest& test) {
    for (const protocol::Version version : {v3, v5}) {
        in_every_broker(version, options, [&](BrokerFixture& broker) { test(broker, version); });
    }
}

void in_every_broker(const BrokerTest& test) {
    in_every_broker(WorldOptions{}, test);
}

void in_every_broker(protocol::Version version, const std::function<void(BrokerFixture&)>& test) {
    in_every_broker(version, WorldOptions{}, test);
}

void in_every_broker(protocol::Version version, const WorldOptions& options,
                     const std::function<void(BrokerFixture&)>& test) {
    for (const ShardIndex shards : {ShardIndex{1}, ShardIndex{2}, ShardIndex{4}}) {
        INFO("shards: " << shards << ", protocol level: " << static_cast<int>(version));
        WorldOptions each = options;
        each.shards = shards;
        each.hash_seed = options.hash_seed + shards;
        BrokerFixture broker(each);
        test(broker);
        broker.world().check_invariants();
    }
}

}  // namespace martlet::tests
