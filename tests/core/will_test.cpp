// Will Messages: published when a connection ends in any way but DISCONNECT.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using namespace std::chrono_literals;
using protocol::ReasonCode;
using protocol::Version;

namespace {

FakeClient& make_reader(BrokerFixture& broker, Version version) {
    FakeClient& reader = broker.connect("reader", {.version = version});
    reader.subscribe("will", qos2);
    reader.forget();
    return reader;
}

ConnectOptions with_will(Version version) {
    return {.version = version, .keep_alive_s = 10, .will = WillOptions{"will", "gone", qos1}};
}

ConnectOptions with_delay(std::string_view delay, std::uint32_t expiry_s) {
    ConnectOptions connect = with_will(v5);
    connect.session_expiry_s = expiry_s;
    connect.clean = false;
    connect.will->properties = bytes_of("18 " + std::string(delay));
    return connect;
}

}  // namespace

TEST_CASE("will: it is published when the network fails [v3.1.1 MQTT-3.1.2-8] [v5 MQTT-3.1.2-8]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = make_reader(broker, version);
        FakeClient& client = broker.connect("a", with_will(version));
        CHECK(reader.messages() == "");
        client.drop();
        CHECK(reader.messages() == "will q1 'gone'");
    });
}

TEST_CASE(
    "will: it is published after a protocol error and a keep alive timeout [v3.1.1 MQTT-3.1.2-8]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = make_reader(broker, version);
        FakeClient& client = broker.connect("a", with_will(version));
        client.send(bytes_of("00 00"));
        CHECK(reader.messages() == "will q1 'gone'");
        client.connect(with_will(version));
        broker.pass_time(16s);
        CHECK(reader.messages() == "will q1 'gone'");
    });
}

TEST_CASE("will: it is published when an administrator or a shutdown ends the connection") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = make_reader(broker, version);
        FakeClient& client = broker.connect("a", with_will(version));
        const core::ShardIndex shard = broker.world().wire(client.wire_index()).shard;
        CHECK(broker.world().shard(shard).disconnect_client("a", broker.world().now()));
        CHECK(!broker.world().shard(shard).disconnect_client("a", broker.world().now()));
        broker.run();
        CHECK(reader.messages() == "will q1 'gone'");
        CHECK(client.take() == (version == v5 ? "disconnect 0x98 | closed" : "closed"));
    });
}

TEST_CASE(
    "will: DISCONNECT discards it [v3.1.1 MQTT-3.14.4-3] [v3.1.1 MQTT-3.1.2-10] [v5 MQTT-3.14.4-3] "
    "[v5 MQTT-3.1.2-10]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = make_reader(broker, version);
        FakeClient& client = broker.connect("a", with_will(version));
        client.disconnect();
        broker.pass_time(1h);
        CHECK(reader.messages() == "");
        client.connect({.version = version});
        client.drop();
        CHECK(reader.messages() == "");
    });
}

TEST_CASE("will: it belongs to one connection [v3.1.1 MQTT-3.1.2-12]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = make_reader(broker, version);
        ConnectOptions connect = with_will(version);
        connect.clean = false;
        FakeClient& client = broker.connect("a", connect);
        client.drop();
        CHECK(reader.messages() == "will q1 'gone'");
        client.connect({.version = version, .clean = false});
        client.drop();
        CHECK(reader.messages() == "");
    });
}

TEST_CASE(
    "will: QoS and RETAIN are those it was set with [v3.1.1 MQTT-3.1.2-9] [v3.1.1 MQTT-3.1.2-16] "
    "[v3.1.1 MQTT-3.1.2-17] [v5 MQTT-3.1.2-14] [v5 MQTT-3.1.2-15]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = make_reader(broker, version);
        for (const protocol::QoS qos : {qos0, qos1, qos2}) {
            for (const bool retain : {false, true}) {
                const std::string payload = retain ? "kept" : "passing";
                FakeClient& client = broker.connect(
                    "a", {.version = version, .will = WillOptions{"will", payload, qos, retain}});
                client.drop();
                const std::string level = " q" + std::to_string(to_wire(qos)) + " ";
                CHECK(reader.messages() == "will" + level + "'" + payload + "'");
                FakeClient& late = broker.connect("late", {.version = version});
                late.subscribe("will", qos2);
                CHECK(late.messages() == (retain ? "will" + level + "retain 'kept'" : ""));
                late.retain("will", "", qos0);
                reader.forget();
            }
        }
    });
}

TEST_CASE("will: a client may be its own reader and the empty will is a will") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        ConnectOptions connect{
            .version = version, .clean = false, .will = WillOptions{"will", "", qos1}};
        FakeClient& client = broker.connect("a", connect);
        client.subscribe("will", qos1);
        client.drop();
        client.forget();
        client.connect(connect);
        CHECK(client.take() == "connack 0 present | publish #1 will q1 ''");
    });
}

TEST_CASE("will: one whose topic is not permitted is refused with the connection") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.world().access.publish = [](const core::Identity&, std::string_view,
                                           std::string_view topic) { return topic != "will"; };
        FakeClient& client = broker.client("a");
        client.connect(with_will(version));
        CHECK(client.take() == "connack 0x87 | closed");
    });
}

TEST_CASE("will: one about the broker itself is refused with the connection") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.client("a");
        client.connect({.version = version, .will = WillOptions{"$SYS/broker/uptime", "0"}});
        CHECK(client.take() == "connack 0x87 | closed");
    });
}

TEST_CASE(
    "will: a retained one is refused where retained messages are switched off [v5 MQTT-3.2.2-13]") {
    WorldOptions options;
    options.limits.retain_available = false;
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("a");
        client.connect({.version = v5, .will = WillOptions{"will", "x", qos0, true}});
        CHECK(client.take() == "connack 0x9A | closed");
    });
}

TEST_CASE("will: DISCONNECT with reason 0x04 publishes it [v5 MQTT-3.14.4-3]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& reader = make_reader(broker, v5);
        FakeClient& client = broker.connect("a", with_will(v5));
        client.disconnect(ReasonCode::disconnect_with_will);
        CHECK(reader.messages() == "will q1 'gone'");
    });
}

TEST_CASE("will: its delay runs after the connection has ended [v5 MQTT-3.1.2-8]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& reader = make_reader(broker, v5);
        broker.connect("a", with_delay("0000000A", 100)).drop();
        broker.pass_time(9900ms);
        CHECK(reader.messages() == "");
        broker.pass_time(200ms);
        CHECK(reader.messages() == "will q1 'gone'");
        broker.pass_time(200s);
        CHECK(reader.messages() == "");
    });
}

TEST_CASE("will: a session that ends does not wait for the delay [v5 MQTT-3.1.2-8]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& reader = make_reader(broker, v5);
        broker.connect("a", with_delay("00000064", 10)).drop();
        broker.pass_time(9900ms);
        CHECK(reader.messages() == "");
        broker.pass_time(200ms);
        CHECK(reader.messages() == "will q1 'gone'");
        broker.connect("b", with_delay("00000064", 0)).drop();
        CHECK(reader.messages() == "will q1 'gone'");
        broker.connect("c", with_delay("00000064", 1000)).drop();
        broker.connect("c", {.version = v5, .clean = true});
        CHECK(reader.messages() == "will q1 'gone'");
    });
}

TEST_CASE("will: a new connection within the delay cancels it [v5 MQTT-3.1.3-9]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& reader = make_reader(broker, v5);
        FakeClient& client = broker.connect("a", with_delay("0000000A", 100));
        client.drop();
        broker.pass_time(5s);
        client.connect({.version = v5, .clean = false, .session_expiry_s = 100});
        broker.pass_time(1h);
        CHECK(reader.messages() == "");
        FakeClient& second = broker.connect("b", with_delay("0000000A", 100));
        FakeClient& taker = broker.client("b");
        taker.connect({.version = v5, .clean = false, .session_expiry_s = 100});
        CHECK(second.is_closed());
        broker.pass_time(1h);
        CHECK(reader.messages() == "");
    });
}

TEST_CASE(
    "will: its properties go with it and its expiry counts from publication [v5 MQTT-3.3.2-17]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& reader = make_reader(broker, v5);
        ConnectOptions connect = with_delay("00000005", 100);
        const ByteVector more = bytes_of("02 0000000A 26 0001 'k' 0001 'v' 03 0004 'text'");
        connect.will->properties.insert(connect.will->properties.end(), more.begin(), more.end());
        broker.connect("a", connect).drop();
        broker.pass_time(6s);
        const std::vector<Packet> packets = reader.take_packets();
        REQUIRE(packets.size() == 1);
        CHECK(to_message_text(packets[0]) == "will q1 'gone' expiry=10");
        CHECK(protocol::as_text(bytes_of("26 0001 'k' 0001 'v' 03 0004 'text'")) ==
              packets[0].properties);
    });
}
