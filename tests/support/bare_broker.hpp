// One shard with clients whose bytes go nowhere, and nothing around it that costs time or memory:
// for benchmarks and for what is measured of memory.
// Ownership: owns all it is made of. Threading: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/byte_reader.hpp"
#include "server/core/connection_port.hpp"
#include "server/core/shard.hpp"
#include "tests/support/quiet_ports.hpp"

namespace martlet::testing {

class NoNetwork final : public core::ConnectionPort {
public:
    void flush(core::ConnectionId id) override;
    void close(core::ConnectionId, core::CloseReason) override {}
    void resume_reading(core::ConnectionId) override { ++resumed; }

    core::Shard* shard = nullptr;
    std::uint64_t writes = 0;
    std::uint64_t resumed = 0;
    // With one publication: the most outboxes that held it.
    std::uint64_t waiting_max = 0;
    core::ConnectionId not_to_write_to;
    // What the one client sees that answers.
    core::ConnectionId kept;
    std::vector<std::byte> sent;
};

class BareBroker {
public:
    // Alone, or one of several.
    explicit BareBroker(core::ShardIndex index = 0, core::ShardIndex shard_count = 1,
                        core::ShardLink* link = nullptr)
        : shard(setup(index, shard_count, link)) {
        network.shard = &shard;
    }

    // All that is due is done.
    void receive(core::ConnectionId id, const std::vector<std::byte>& bytes);
    core::ConnectionId connect(const std::string& client_id);
    void subscribe(core::ConnectionId id, const std::string& filter, unsigned qos);

    NoNetwork network;
    NoStore store;
    Everybody access;
    NoLog log;
    core::Shard shard;

private:
    core::ShardSetup setup(core::ShardIndex index, core::ShardIndex shard_count,
                           core::ShardLink* link);
};

// PUBLISH `count` times, of 64 bytes, with Packet Identifiers from 1 on.
std::vector<std::byte> publishes(const std::string& topic, std::uint16_t count, unsigned qos);
// A PUBACK for each PUBLISH at QoS 1 in `sent`, on a topic of `topic_size` bytes.
std::vector<std::byte> acknowledge(protocol::Bytes sent, std::size_t topic_size);

}  // namespace martlet::testing
