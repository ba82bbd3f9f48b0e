// One shard with clients whose bytes go nowhere, and nothing around it that costs time or memory:
// for benchmarks and for what is measured of memory.
// Ownership: owns all it is made of. Threading: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/byte_reader.hpp"
#include "server/core/access_control.hpp"
#include "server/core/connection_port.hpp"
#include "server/core/log_events.hpp"
#include "server/core/shard.hpp"
#include "server/core/store.hpp"

namespace martlet::testing {

class NoNetwork final : public core::ConnectionPort {
public:
    void flush(core::ConnectionId id) override;
    void close(core::ConnectionId, core::CloseReason) override {}
    void resume_reading(core::ConnectionId) override {}

    core::Shard* shard = nullptr;
    // What the one client sees that answers.
    core::ConnectionId kept;
    std::vector<std::byte> sent;
};

class NoStore final : public core::Store {
public:
    bool keeps_records() const override { return false; }
    void submit(core::StoreTicket, core::StoreBatch) override {}
    void load(core::LoadRequest) override {}
};

class Everybody final : public core::AccessControl {
public:
    std::optional<core::AuthenticationResult> authenticate(const protocol::ConnectView&,
                                                           const core::ConnectionInfo&,
                                                           core::ConnectionId) override {
        return core::AuthenticationResult{};
    }
    bool permits_everything() const override { return true; }
    bool may_publish(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
    bool may_subscribe(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
    bool may_read(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
};

class NoLog final : public core::LogEvents {
public:
    void on_connected(const core::ConnectedEvent&) override {}
    void on_refused(const core::RefusedEvent&) override {}
    void on_disconnected(const core::DisconnectedEvent&) override {}
    void on_subscription(const core::SubscriptionEvent&) override {}
    void on_drop(const core::DropEvent&) override {}
    void on_denied_publish(const core::DeniedPublishEvent&) override {}
};

class BareBroker {
public:
    BareBroker() : shard(setup()) { network.shard = &shard; }

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
    core::ShardSetup setup();
};

// PUBLISH `count` times, of 64 bytes, with Packet Identifiers from 1 on.
std::vector<std::byte> publishes(const std::string& topic, std::uint16_t count, unsigned qos);
// A PUBACK for each PUBLISH at QoS 1 in `sent`, on a topic of `topic_size` bytes.
std::vector<std::byte> acknowledge(protocol::Bytes sent, std::size_t topic_size);

}  // namespace martlet::testing
