// What the core costs without a network: bytes in, routed, bytes in the subscribers' outboxes.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "protocol/packet/connect.hpp"
#include "server/core/shard.hpp"

namespace {

using namespace martlet;

class NoNetwork final : public core::ConnectionPort {
public:
    void flush(core::ConnectionId id) override {
        core::Outbox& outbox = shard->outbox(id);
        outbox.consume(shard->chunk_pool(), outbox.size());
    }
    void close(core::ConnectionId, core::CloseReason) override {}
    void resume_reading(core::ConnectionId) override {}

    core::Shard* shard = nullptr;
};

class NoStore final : public core::Store {
public:
    bool keeps_records() const override { return false; }
    void submit(core::StoreTicket, core::StoreBatch) override {}
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

// One shard with clients whose bytes go nowhere.
struct Rig {
    Rig() : shard(setup()) { network.shard = &shard; }

    core::ShardSetup setup() {
        core::ShardSetup made;
        made.connections = &network;
        made.store = &store;
        made.access = &access;
        made.log = &log;
        return made;
    }

    void receive(core::ConnectionId id, const std::vector<std::byte>& bytes) {
        shard.on_receive(id, bytes, {});
    }

    core::ConnectionId connect(const std::string& client_id) {
        protocol::ConnectView connect;
        connect.version = protocol::Version::v3_1_1;
        connect.client_id = client_id;
        std::vector<std::byte> bytes(protocol::encoded_size(connect));
        protocol::ByteWriter out(bytes);
        protocol::encode(connect, out);
        const core::ConnectionId id = shard.open({}, {});
        receive(id, bytes);
        return id;
    }

    void subscribe(core::ConnectionId id, const std::string& filter, unsigned qos) {
        std::vector<std::byte> bytes(2 + 2 + 2 + filter.size() + 1);
        protocol::ByteWriter out(bytes);
        out.u8(0x82);
        out.varint(static_cast<std::uint32_t>(bytes.size() - 2));
        out.u16(1);
        out.utf8(filter);
        out.u8(static_cast<std::uint8_t>(qos));
        receive(id, bytes);
    }

    static std::vector<std::byte> publishes(const std::string& topic, std::size_t count) {
        std::vector<std::byte> bytes;
        const std::string payload(64, 'x');
        for (std::size_t i = 0; i < count; ++i) {
            std::vector<std::byte> one(2 + 2 + topic.size() + payload.size());
            protocol::ByteWriter out(one);
            out.u8(0x30);
            out.varint(static_cast<std::uint32_t>(one.size() - 2));
            out.utf8(topic);
            out.bytes(protocol::as_bytes(payload));
            bytes.insert(bytes.end(), one.begin(), one.end());
        }
        return bytes;
    }

    NoNetwork network;
    NoStore store;
    Everybody access;
    NoLog log;
    core::Shard shard;
};

// Batches of 32 at QoS 0 to `range(0)` subscribers of the one topic; time is per delivered message.
void route_qos0(benchmark::State& state) {
    Rig rig;
    const auto subscribers = static_cast<std::size_t>(state.range(0));
    for (std::size_t i = 0; i < subscribers; ++i) {
        rig.subscribe(rig.connect("s" + std::to_string(i)), "ml1/t0/v", 0);
    }
    const core::ConnectionId publisher = rig.connect("p");
    const std::vector<std::byte> bytes = Rig::publishes("ml1/t0/v", 32);
    rig.shard.end_pass({});
    for (auto _ : state) {
        rig.receive(publisher, bytes);
        rig.shard.end_pass({});
    }
    const auto messages =
        static_cast<std::int64_t>(state.iterations()) * 32 * static_cast<std::int64_t>(subscribers);
    state.SetItemsProcessed(messages);
}
BENCHMARK(route_qos0)->Arg(1)->Arg(10)->Arg(1000);

}  // namespace
