// What one pass of a shard does and writes has its bound, whatever a client asks.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "server/core/limits.hpp"
#include "tests/support/bare_broker.hpp"
#include "tests/support/broker_fixture.hpp"

namespace martlet::tests {
namespace {

using core::ConnectionId;
using testing::BareBroker;

constexpr std::size_t pingreq_size = 2;
const std::vector<std::byte> pingreq{std::byte{0xC0}, std::byte{0}};
const std::string topic = "t/0";

// The counting of writes begins afterwards.
ConnectionId with_subscribers(BareBroker& broker, std::size_t count) {
    const ConnectionId publisher = broker.connect("publisher");
    broker.subscribe(publisher, topic, 0);
    for (std::size_t i = 1; i < count; ++i) {
        broker.subscribe(broker.connect("s" + std::to_string(i)), topic, 0);
    }
    broker.network.writes = broker.network.waiting_max = 0;
    return publisher;
}

TEST_CASE("pass: who has sent more than the work of one goes on in the next") {
    BareBroker broker;
    const ConnectionId publisher = with_subscribers(broker, 1000);
    const std::vector<std::byte> bytes = testing::publishes(topic, 100, 0);
    const std::size_t each = bytes.size() / 100;
    const std::size_t used = broker.shard.on_receive(publisher, bytes, {});
    CHECK(used % each == 0);
    CHECK(used / each >= 4);
    CHECK(used / each <= 32);
    CHECK(broker.shard.is_pass_full());
    CHECK_FALSE(broker.shard.reads(publisher));
    CHECK(broker.network.resumed == 0);

    SUBCASE("another still has one packet taken") {
        const ConnectionId other = broker.connect("other");
        CHECK(broker.shard.on_receive(other, pingreq, {}) == pingreq_size);
    }
    broker.shard.end_pass({});
    CHECK(broker.network.resumed == 1);
    CHECK(broker.shard.reads(publisher));
    CHECK_FALSE(broker.shard.is_pass_full());
}

TEST_CASE("pass: a publication to many is written to some of them in each") {
    BareBroker broker;
    const ConnectionId publisher = with_subscribers(broker, 1000);
    const ConnectionId other = broker.connect("other");
    broker.network.writes = 0;
    broker.shard.on_receive(publisher, testing::publishes(topic, 1, 0), {});
    broker.shard.on_receive(other, pingreq, {});
    broker.shard.end_pass({});
    CHECK(broker.shard.outbox(other).empty());
    CHECK(broker.network.writes == core::fan_out_writes_per_pass + 1);
    CHECK(broker.shard.has_work());
    while (broker.shard.has_work()) {
        const std::uint64_t before = broker.network.writes;
        broker.shard.end_pass({});
        CHECK(broker.network.writes - before <= core::fan_out_writes_per_pass);
    }
    CHECK(broker.network.writes == 1000 + 1);
}

TEST_CASE("pass: to very many it is written while it is delivered") {
    BareBroker broker;
    const std::size_t subscribers = core::fan_out_waiting_max + 20'000;
    const ConnectionId publisher = with_subscribers(broker, subscribers);
    const std::uint64_t sent_before = broker.shard.counters().publishes_sent;
    CHECK(sent_before == 0);
    broker.network.not_to_write_to = publisher;  // its bytes are being taken
    broker.shard.on_receive(publisher, testing::publishes(topic, 1, 0), {});
    CHECK(broker.network.writes == 20'000);
    CHECK(broker.network.waiting_max <= core::fan_out_waiting_max + 1);
    broker.network.not_to_write_to = {};
    while (broker.shard.has_work()) {
        broker.shard.end_pass({});
    }
    CHECK(broker.network.writes == subscribers);
}

TEST_CASE("pass: what waits for many has a bound in bytes too") {
    BareBroker broker;
    const ConnectionId publisher = with_subscribers(broker, 1000);
    const std::vector<std::byte> bytes = testing::publishes(topic, 1, 0);
    // Passes in which something else is deferred, so that nothing else would be written.
    const std::size_t most = core::fan_out_waiting_bytes_max / (1000 * 64) + 10;
    for (std::size_t i = 0; i < most; ++i) {
        broker.shard.on_receive(publisher, bytes, {});
    }
    CHECK(broker.network.writes > 0);
    CHECK(broker.network.writes <= 1000);
    broker.shard.end_pass({});
}

// What the client has said comes first, a DISCONNECT above all: or its will would be published.
TEST_CASE("pass: a connection that is taken over has said all it had to say") {
    BrokerFixture broker;
    FakeClient& reader = broker.connect("reader");
    reader.subscribe("#", qos0);
    ConnectOptions with_will;
    with_will.will = WillOptions{.topic = "will", .payload = "gone"};
    FakeClient& client = broker.connect("client", with_will);
    const std::string payload;
    broker.held.all = true;
    for (std::size_t i = 0; i < 3 * core::work_per_pass; ++i) {
        client.publish("t", payload, qos0);
    }
    client.disconnect();
    BrokerWorld& world = broker.world();
    world.arrive(client.wire_index(), unlimited);
    Wire& wire = world.wire(client.wire_index());
    REQUIRE_FALSE(wire.kept.empty());
    REQUIRE_FALSE(world.shard(0).reads(wire.id));

    std::vector<std::byte> connect{std::byte{0x10}, std::byte{18}, std::byte{0}, std::byte{4}};
    const std::string name = "MQTT";
    std::transform(name.begin(), name.end(), std::back_inserter(connect),
                   [](char c) { return static_cast<std::byte>(c); });
    for (const int value : {4, 2, 0, 0, 0, 6}) {
        connect.push_back(static_cast<std::byte>(value));
    }
    for (const char c : std::string("client")) {
        connect.push_back(static_cast<std::byte>(c));
    }
    CHECK(world.shard(0).connection_before(connect) == wire.id);
    CHECK(world.take_kept(client.wire_index()));
    CHECK(wire.kept.empty());
    CHECK(wire.closing);
    broker.held.all = false;
    broker.run();
    const std::vector<Packet> packets = reader.take_packets();
    CHECK(std::count_if(packets.begin(), packets.end(), [](const Packet& packet) {
              return packet.type == protocol::PacketType::publish;
          }) == 3 * core::work_per_pass);
}

}  // namespace
}  // namespace martlet::tests
