#include "tests/support/broker_world.hpp"

#include <algorithm>
#include <array>

#include "protocol/assert.hpp"

namespace martlet::tests {

using core::ConnectionId;
using core::ShardIndex;

// A shard and what is around it alone.
struct BrokerWorld::ShardWorld {
    explicit ShardWorld(bool keeps_records) : store(keeps_records) {}
    FakeStore store;
    std::unique_ptr<core::ConnectionPort> port;
    std::unique_ptr<core::Shard> core;
    std::vector<WireIndex> wires;  // by connection slot
};

class BrokerWorld::Port final : public core::ConnectionPort {
public:
    Port(BrokerWorld& world, ShardIndex shard) : world_(world), shard_(shard) {}

    void flush(ConnectionId id) override { world_.drain(index_of(id)); }
    void close(ConnectionId id, core::CloseReason reason) override {
        Wire& wire = world_.wire_of(shard_, id);
        MARTLET_ASSERT(!wire.closing);
        wire.closing = true;
        wire.reason = reason;
    }
    void resume_reading(ConnectionId id) override { world_.wire_of(shard_, id).resumed = true; }

private:
    WireIndex index_of(ConnectionId id) const { return world_.shards_[shard_]->wires.at(id.slot); }

    BrokerWorld& world_;
    ShardIndex shard_;
};

class BrokerWorld::Link final : public core::ShardLink {
public:
    explicit Link(BrokerWorld& world) : world_(world) {}
    void send(ShardIndex from, ShardIndex to, core::ShardBatch batch) override {
        MARTLET_ASSERT(from != to && !batch.items.empty());
        for (const core::ShardItem& item : batch.items) {
            world_.publications_sent_ += std::holds_alternative<core::PublishItem>(item) ? 1 : 0;
        }
        for (std::size_t at = 0; at < batch.small.size_bytes(); batch.small.read(at)) {
            ++world_.publications_sent_;
        }
        world_.mailbox(from, to).push_back({++world_.batches_sent_, std::move(batch)});
    }

private:
    BrokerWorld& world_;
};

BrokerWorld::BrokerWorld(const WorldOptions& options)
    : options_(options),
      now_(std::chrono::seconds(1000)),
      link_(std::make_unique<Link>(*this)),
      mailboxes_(std::size_t{options.shards} * options.shards) {
    make_shards();
}

void BrokerWorld::make_shards() {
    for (ShardIndex index = 0; index < options_.shards; ++index) {
        auto world = std::make_unique<ShardWorld>(options_.keeps_records);
        world->store.durable = durable_;
        world->port = std::make_unique<Port>(*this, index);
        core::ShardSetup setup;
        setup.index = index;
        setup.shard_count = options_.shards;
        setup.hash_seed = options_.hash_seed;
        setup.limits = options_.limits;
        setup.start = now_;
        setup.connections = world->port.get();
        setup.link = link_.get();
        setup.store = &world->store;
        setup.access = &access;
        setup.log = &log;
        world->core = std::make_unique<core::Shard>(setup);
        shards_.push_back(std::move(world));
    }
}

void BrokerWorld::crash(ShardIndex shards_afterwards) {
    shards_.clear();
    for (Wire& wire : wires_) {
        wire.closed = true;
        wire.kept.clear();
    }
    durable_->forget_incomplete();
    options_.shards = shards_afterwards;
    options_.hash_seed += 1;
    mailboxes_.clear();
    mailboxes_.resize(std::size_t{options_.shards} * options_.shards);
    make_shards();
    const auto home_of_client = [this](std::string_view client_id) {
        return core::home_of_client(client_id, options_.hash_seed, options_.shards);
    };
    const auto home_of_topic = [this](std::string_view topic) {
        return core::home_of_topic(topic, options_.hash_seed, options_.shards);
    };
    std::vector<core::RecoveredState> states =
        durable_->recover(options_.shards, home_of_client, home_of_topic);
    for (ShardIndex index = 0; index < options_.shards; ++index) {
        shard(index).restore(std::move(states[index]), now_);
    }
}

BrokerWorld::~BrokerWorld() = default;

core::Shard& BrokerWorld::shard(ShardIndex index) {
    return *shards_[index]->core;
}

FakeStore& BrokerWorld::store(ShardIndex index) {
    return shards_[index]->store;
}

WireIndex BrokerWorld::open_wire(ShardIndex accepted_on) {
    Wire& wire = wires_.emplace_back();
    wire.shard = accepted_on;
    return wires_.size() - 1;
}

Wire& BrokerWorld::wire_of(ShardIndex shard, ConnectionId id) {
    Wire& wire = wires_[shards_[shard]->wires.at(id.slot)];
    MARTLET_ASSERT(wire.id == id && !wire.closed);
    return wire;
}

bool BrokerWorld::arrive(WireIndex index, std::size_t count) {
    Wire& wire = wires_[index];
    const auto size = static_cast<std::ptrdiff_t>(std::min(count, wire.sent.size()));
    if (size == 0 || wire.closed || wire.closing) {
        return false;
    }
    wire.kept.insert(wire.kept.end(), wire.sent.begin(), wire.sent.begin() + size);
    wire.sent.erase(wire.sent.begin(), wire.sent.begin() + size);
    take_kept(index);
    return true;
}

// The first packet decides which shard a connection belongs to.
bool BrokerWorld::find_home(Wire& wire, WireIndex index) {
    const auto home = core::home_shard(wire.kept, options_.limits, options_.hash_seed,
                                       options_.shards, wire.shard);
    if (!home) {
        return false;
    }
    wire.shard = *home;
    core::ConnectionInfo info;
    info.peer = "peer:" + std::to_string(index);
    wire.id = shard(*home).open(std::move(info), now_);
    std::vector<WireIndex>& wires = shards_[*home]->wires;
    wires.resize(std::max<std::size_t>(wires.size(), wire.id.slot + 1));
    wires[wire.id.slot] = index;
    return true;
}

bool BrokerWorld::take_kept(WireIndex index) {
    Wire& wire = wires_[index];
    wire.resumed = false;
    if (wire.closed || wire.closing || (!wire.id && !find_home(wire, index)) ||
        !shard(wire.shard).reads(wire.id)) {
        return false;
    }
    const std::size_t used = shard(wire.shard).on_receive(wire.id, wire.kept, now_);
    MARTLET_ASSERT(used <= wire.kept.size());
    wire.kept.erase(wire.kept.begin(), wire.kept.begin() + static_cast<std::ptrdiff_t>(used));
    return used != 0;
}

void BrokerWorld::drain(WireIndex index) {
    Wire& wire = wires_[index];
    if (!wire.id || wire.closed) {
        return;
    }
    core::Outbox& outbox = shard(wire.shard).outbox(wire.id);
    std::array<core::OutputSegment, 8> segments;
    while (!outbox.empty()) {
        const std::size_t room = wire.room - std::min(wire.room, wire.delivered.size());
        const std::size_t count = outbox.gather(segments);
        MARTLET_ASSERT(count != 0);
        std::size_t taken = 0;
        for (std::size_t i = 0; i < count && taken < room; ++i) {
            const std::size_t size = std::min(segments[i].size, room - taken);
            if (!wire.client_closed) {
                wire.delivered.insert(wire.delivered.end(), segments[i].data,
                                      segments[i].data + size);
            }
            taken += size;
        }
        if (taken == 0) {
            return;
        }
        outbox.consume(shard(wire.shard).chunk_pool(), taken);
        wire.written = true;
    }
}

bool BrokerWorld::tell_written(WireIndex index) {
    Wire& wire = wires_[index];
    if (!wire.written || wire.closed) {
        return false;
    }
    wire.written = false;
    shard(wire.shard).on_written(wire.id, now_);
    return true;
}

bool BrokerWorld::finish_closing(WireIndex index) {
    Wire& wire = wires_[index];
    if (wire.closed || !(wire.closing || wire.client_closed)) {
        return false;
    }
    drain(index);
    wire.closed = true;
    wire.sent.clear();
    wire.kept.clear();
    if (wire.id) {
        const auto reason = wire.closing ? wire.reason : core::CloseReason::peer_closed;
        shard(wire.shard).on_closed(wire.id, reason, now_);
    }
    return true;
}

bool BrokerWorld::deliver_batch(ShardIndex from, ShardIndex to) {
    std::deque<SentBatch>& box = mailbox(from, to);
    if (box.empty()) {
        return false;
    }
    for (ShardIndex other = 0; other < options_.shards; ++other) {
        if (!mailbox(other, to).empty() && mailbox(other, to).front().number < box.front().number) {
            return false;
        }
    }
    core::ShardBatch batch = std::move(box.front().batch);
    box.pop_front();
    shard(to).on_batch(from, std::move(batch), now_);
    return true;
}

bool BrokerWorld::complete_store(ShardIndex index) {
    FakeStore& completed = store(index);
    if (!completed.pending.empty()) {
        shard(index).on_store(completed.complete(), now_);
        return true;
    }
    return complete_load(index);
}

void BrokerWorld::refuse_store(bool refuses) {
    for (ShardIndex index = 0; index < options_.shards; ++index) {
        core::StoreNews news;
        news.refuses = refuses;
        shard(index).on_store(std::move(news), now_);
    }
}

bool BrokerWorld::complete_load(ShardIndex index) {
    FakeStore& asked = store(index);
    if (asked.loads.empty()) {
        return false;
    }
    shard(index).on_store(asked.complete_load(), now_);
    return true;
}

bool BrokerWorld::tick(ShardIndex index) {
    if (shard(index).next_deadline() > now_) {
        return false;
    }
    shard(index).advance(now_);
    return true;
}

void BrokerWorld::check_invariants() const {
    for (const auto& world : shards_) {
        world->core->check_invariants();
    }
}

std::uint64_t BrokerWorld::total(std::uint64_t core::Counters::*counter) {
    std::uint64_t sum = 0;
    for (const auto& world : shards_) {
        sum += world->core->counters().*counter;
    }
    return sum;
}

std::uint64_t BrokerWorld::dropped() {
    std::uint64_t sum = 0;
    for (const auto& world : shards_) {
        sum += world->core->counters().dropped();
    }
    return sum;
}

}  // namespace martlet::tests
