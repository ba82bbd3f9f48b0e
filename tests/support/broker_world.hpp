// A broker of N shards in one thread, and everything around it: a network of byte streams, the
// mailboxes between the shards, their stores, and time. Nothing happens by itself: each step is a
// call, so that a test, the simulation or a fuzzer decides what happens next.
//
// Ownership: owns the shards and the world around them. Threading: its test's thread only.
// Invariant (of a Wire): `id` is set from the arrival of the CONNECT until `closed`.
#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "server/core/shard.hpp"
#include "server/core/shard_link.hpp"
#include "tests/support/fake_ports.hpp"
#include "tests/support/packets.hpp"

namespace martlet::tests {

inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// One Network Connection, seen from both ends.
struct Wire {
    core::ShardIndex shard = 0;  // where it was accepted; its home once the CONNECT has arrived
    core::ConnectionId id;
    ByteVector sent;               // by the client, still on their way
    ByteVector kept;               // arrived, not taken by the shard
    ByteVector delivered;          // by the broker, not read by the client
    std::size_t room = unlimited;  // for bytes in `delivered`; small: the client reads slowly
    bool client_closed = false;
    bool closing = false;  // the shard asked for it
    bool closed = false;   // both ends know
    bool resumed = false;  // resume_reading() was called and not acted on
    bool written = false;  // the outbox was drained some, and the shard not told
    core::CloseReason reason{};
};
using WireIndex = std::size_t;

struct WorldOptions {
    core::ShardIndex shards = 1;
    std::uint64_t hash_seed = 1;
    core::Limits limits;
    bool keeps_records = false;
};

class BrokerWorld {
public:
    explicit BrokerWorld(const WorldOptions& options);
    ~BrokerWorld();
    BrokerWorld(const BrokerWorld&) = delete;
    BrokerWorld& operator=(const BrokerWorld&) = delete;

    core::ShardIndex shard_count() const { return options_.shards; }
    core::Shard& shard(core::ShardIndex index);
    FakeStore& store(core::ShardIndex index);
    core::Instant now() const { return now_; }
    // The process ends between two steps and starts again, perhaps with another number of shards:
    // connections, mail and what was not durable are lost.
    void crash(core::ShardIndex shards_afterwards);
    const WorldOptions& options() const { return options_; }
    // To other shards, by all of them.
    std::size_t publications_sent() const { return publications_sent_; }

    // --- the network ---
    WireIndex open_wire(core::ShardIndex accepted_on);
    Wire& wire(WireIndex index) { return wires_[index]; }
    std::size_t wire_count() const { return wires_.size(); }
    // `count` bytes more arrive, and the shard takes what it will. False: nothing to do.
    bool arrive(WireIndex index, std::size_t count);
    bool take_kept(WireIndex index);
    // Bytes move from the shard's outbox into the network, as far as there is room.
    void drain(WireIndex index);
    bool tell_written(WireIndex index);
    // Tells the shard that the connection is gone, when either end has closed it.
    bool finish_closing(WireIndex index);

    // --- between shards, the stores, time ---
    struct SentBatch {
        std::uint64_t number = 0;  // of all that were ever sent
        core::ShardBatch batch;
    };
    std::deque<SentBatch>& mailbox(core::ShardIndex from, core::ShardIndex to) {
        return mailboxes_[from * options_.shards + to];
    }
    // False: there is none, or one from another shard comes first.
    bool deliver_batch(core::ShardIndex from, core::ShardIndex to);
    // The oldest batch becomes durable, or, if there is none, the oldest load arrives.
    bool complete_store(core::ShardIndex index);
    bool complete_load(core::ShardIndex index);
    // Every shard hears that nothing more can be stored, or that there is room again.
    void refuse_store(bool refuses);
    void pass_time(core::Duration duration) { now_ += duration; }
    bool tick(core::ShardIndex index);
    void end_pass(core::ShardIndex index) { shard(index).end_pass(now_); }

    void check_invariants() const;
    // Summed over the shards.
    std::uint64_t total(std::uint64_t core::Counters::*counter);
    std::uint64_t dropped();

    FakeAccess access;
    FakeLog log;

private:
    class Port;
    class Link;
    struct ShardWorld;

    Wire& wire_of(core::ShardIndex shard, core::ConnectionId id);
    bool find_home(Wire& wire, WireIndex index);
    void make_shards();

    std::size_t publications_sent_ = 0;
    std::uint64_t batches_sent_ = 0;
    WorldOptions options_;
    core::Instant now_;
    std::unique_ptr<Link> link_;
    std::shared_ptr<StoredState> durable_ = std::make_shared<StoredState>();
    std::vector<std::unique_ptr<ShardWorld>> shards_;
    std::vector<std::deque<SentBatch>> mailboxes_;
    std::deque<Wire> wires_;
};

}  // namespace martlet::tests
