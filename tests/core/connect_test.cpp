// CONNECT: who is let in, and who is not.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::ReasonCode;
using protocol::Version;

namespace {

// A 3.1.1 CONNECT for client "a" with the given protocol name, level and flags.
ByteVector connect_bytes(std::string_view name, std::string_view level, std::string_view flags) {
    ByteVector body =
        bytes_of("00 0" + std::to_string(name.size()) + " '" + std::string(name) + "' " +
                 std::string(level) + " " + std::string(flags) + " 00 00 00 01 'a'");
    body.insert(body.begin(), {std::byte{0x10}, static_cast<std::byte>(body.size())});
    return body;
}

FakeClient& send_first(BrokerFixture& broker, const ByteVector& bytes) {
    FakeClient& client = broker.client("a");
    client.open(v3);
    client.send(bytes);
    return client;
}

}  // namespace

TEST_CASE(
    "connect: what the broker says itself keeps to the client's Maximum Packet Size [v5 "
    "MQTT-3.1.2-24] [v5 MQTT-3.14.2-3]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.connect("a", {.version = v5, .maximum_packet_size = 20});
        client.send({std::byte{0x00}, std::byte{0x00}});
        CHECK(client.take() == "disconnect 0x81 | closed");
    });
}

TEST_CASE(
    "connect: a valid CONNECT is answered with an accepting CONNACK [v3.1.1 MQTT-3.1.4-4] [v3.1.1 "
    "MQTT-3.2.0-1] [v5 MQTT-3.1.4-5] [v5 MQTT-3.2.0-2]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.client("alice");
        client.connect({.version = version});
        CHECK(client.take() == "connack 0");
        client.ping();
        CHECK(client.take() == "pingresp");
        CHECK(broker.world().total(&core::Counters::connects_accepted) == 1);
        CHECK(broker.world().log.connected == 1);
    });
}

TEST_CASE("connect: MQTT 3.1 is spoken as well") {
    in_every_broker(v3_1, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("alice");
        client.connect({.version = v3_1});
        CHECK(client.take() == "connack 0");
        client.subscribe("a", qos1);
        CHECK(client.take() == "suback #1 1");
        client.publish("a", "x", qos1);
        CHECK(client.take() == "publish #1 a q1 'x' | puback #2");
    });
}

TEST_CASE("connect: the first packet must be a CONNECT [v3.1.1 MQTT-3.1.0-1] [v5 MQTT-3.1.0-1]") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        for (const char* first : {"C0 00", "E0 00", "30 05 00 01 61 68 69", "40 02 00 01",
                                  "82 06 00 01 00 01 61 00", "F0 00", "20 02 00 00"}) {
            FakeClient& client = send_first(broker, bytes_of(first));
            CHECK(client.take() == "closed");
        }
        CHECK(broker.world().total(&core::Counters::protocol_errors) == 7);
        CHECK(broker.world().total(&core::Counters::connections) == 0);
    });
}

TEST_CASE(
    "connect: a second CONNECT is a protocol violation [v3.1.1 MQTT-3.1.0-2] [v5 MQTT-3.1.0-2] [v5 "
    "MQTT-4.13.1-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.send(connect_bytes("MQTT", "04", "02"));
        CHECK(client.take() == (version == v5 ? "disconnect 0x82 | closed" : "closed"));
    });
}

TEST_CASE("connect: nothing is processed after a second CONNECT or a DISCONNECT") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("#", qos0);
        reader.forget();
        FakeClient& client = broker.connect("a", {.version = version});
        ByteVector bytes = bytes_of("E0 00 30 05 00 01 61 68 69");
        client.send(bytes);
        CHECK(client.take() == "closed");
        CHECK(reader.take() == "");
    });
}

TEST_CASE(
    "connect: an unknown protocol level is answered 0x01 and closed [v3.1.1 MQTT-3.1.2-2] [v3.1.1 "
    "MQTT-3.2.2-4] [v3.1.1 MQTT-3.2.2-5] [v5 MQTT-3.1.2-2]") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        for (const char* level : {"00", "03", "06", "7F", "FF"}) {
            FakeClient& client = send_first(broker, connect_bytes("MQTT", level, "02"));
            // 0x84 is what the decoder of a 3.1.1 CONNACK makes of return code 1.
            CHECK(client.take() == "connack 0x84 | closed");
        }
        CHECK(broker.world().total(&core::Counters::connects_refused) == 5);
        CHECK(broker.world().total(&core::Counters::sessions) == 0);
    });
}

TEST_CASE(
    "connect: a wrong protocol name closes without a CONNACK [v3.1.1 MQTT-3.1.2-1] [v5 "
    "MQTT-3.1.2-1]") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        for (const char* name : {"MQTx", "HTTP", "mqtt"}) {
            CHECK(send_first(broker, connect_bytes(name, "04", "02")).take() == "closed");
        }
    });
}

TEST_CASE(
    "connect: a CONNECT that does not conform closes without a CONNACK [v3.1.1 MQTT-3.1.4-1] "
    "[v3.1.1 MQTT-3.1.2-3] [v3.1.1 MQTT-3.1.2-11] [v3.1.1 MQTT-3.1.2-14] [v3.1.1 MQTT-3.1.2-22] "
    "[v5 MQTT-3.1.4-1]") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        // Reserved flag; will QoS or retain without a will; will QoS 3; a will and user name that
        // are not there; a password without a user name.
        for (const char* flags : {"03", "0A", "22", "1E", "06", "82", "42"}) {
            INFO("connect flags: " << std::string(flags));
            CHECK(send_first(broker, connect_bytes("MQTT", "04", flags)).take() == "closed");
        }
    });
}

TEST_CASE(
    "connect: a malformed CONNECT of MQTT 5 is told why [v5 MQTT-3.1.2-3] [v5 MQTT-3.2.2-7]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("a");
        client.open(v5);
        client.send(bytes_of("10 0E 00 04 'MQTT' 05 03 00 00 00 00 01 'a'"));
        CHECK(client.take() == "connack 0x81 | closed");
    });
}

TEST_CASE(
    "connect: the session present flag tells whether there was a session [v3.1.1 MQTT-3.2.2-1] "
    "[v3.1.1 MQTT-3.2.2-2] [v3.1.1 MQTT-3.2.2-3] [v5 MQTT-3.2.2-2] [v5 MQTT-3.2.2-3]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.client("alice");
        client.connect({.version = version, .clean = false});
        CHECK(client.take() == "connack 0");
        client.disconnect();
        client.forget();
        client.connect({.version = version, .clean = false});
        CHECK(client.take() == "connack 0 present");
        client.disconnect();
        client.forget();
        client.connect({.version = version, .clean = true});
        CHECK(client.take() == "connack 0");
        client.disconnect();
        client.forget();
        client.connect({.version = version, .clean = false});
        CHECK(client.take() == "connack 0");
    });
}

TEST_CASE(
    "connect: an empty client identifier gets one of its own [v3.1.1 MQTT-3.1.3-6] [v5 "
    "MQTT-3.1.3-6]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& one = broker.connect("", {.version = version});
        FakeClient& two = broker.connect("", {.version = version});
        one.subscribe("a", qos1);
        two.subscribe("a", qos1);
        one.forget();
        two.forget();
        one.publish("a", "x", qos1);
        CHECK(one.messages() == "a q1 'x'");
        CHECK(two.messages() == "a q1 'x'");
        CHECK(broker.world().total(&core::Counters::sessions) == 2);
    });
}

TEST_CASE(
    "connect: an assigned client identifier is told and can be used again [v5 MQTT-3.1.3-7] [v5 "
    "MQTT-3.2.2-16]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("");
        client.connect({.version = v5, .clean = false});
        const std::string assigned = client.take_packets().at(0).assigned_client_id;
        CHECK(assigned != "");
        client.disconnect();
        FakeClient& again = broker.client(assigned);
        again.connect({.version = v5, .clean = false});
        CHECK(again.take() == "connack 0 present");
    });
}

TEST_CASE(
    "connect: an empty client identifier without a clean session is refused with 0x02 [v3.1.1 "
    "MQTT-3.1.3-8] [v3.1.1 MQTT-3.1.3-9]") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("");
        client.connect({.version = v3, .clean = false});
        CHECK(client.take() == "connack 0x85 | closed");
        CHECK(broker.world().total(&core::Counters::sessions) == 0);
    });
}

TEST_CASE("connect: MQTT 3.1 always wants a client identifier") {
    in_every_broker(v3_1, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("");
        client.connect({.version = v3_1, .clean = true});
        CHECK(client.take() == "connack 0x85 | closed");
    });
}

TEST_CASE("connect: empty client identifiers can be switched off [v5 MQTT-3.1.3-8]") {
    WorldOptions options;
    options.limits.allow_zero_length_client_id = false;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.client("");
        client.connect({.version = version, .clean = true});
        CHECK(client.take() == "connack 0x85 | closed");
    });
}

TEST_CASE(
    "connect: long client identifiers and any characters in them are taken [v3.1.1 MQTT-3.1.3-5] "
    "[v5 MQTT-3.1.3-5]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        for (const std::string& id :
             {std::string("0123456789abcdefghijklm"), std::string("nopqrstuvwxyzABCDEFGHIJ"),
              std::string("KLMNOPQRSTUVWXYZ"), std::string(1000, 'x'),
              std::string("a/b#+\u00e4 ")}) {
            FakeClient& client = broker.connect(id, {.version = version});
            client.disconnect();
        }
    });
}

TEST_CASE(
    "connect: nothing is processed after a refused CONNECT [v3.1.1 MQTT-3.1.4-5] [v5 "
    "MQTT-3.1.4-6]") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        FakeClient& reader = broker.connect("reader");
        reader.subscribe("#", qos0);
        reader.forget();
        ByteVector bytes = connect_bytes("MQTT", "09", "02");
        const ByteVector publish = bytes_of("30 05 00 01 61 68 69");
        bytes.insert(bytes.end(), publish.begin(), publish.end());
        CHECK(send_first(broker, bytes).take() == "connack 0x84 | closed");
        CHECK(reader.take() == "");
    });
}

TEST_CASE("connect: packets may follow a CONNECT without waiting for the CONNACK") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        broker.held.all = true;
        FakeClient& client = broker.client("alice");
        client.connect({.version = version, .clean = false});
        client.subscribe("a", qos1);
        client.publish("a", "x", qos1);
        client.ping();
        broker.held.all = false;
        broker.run();
        const std::string all = client.take();
        CHECK(all.starts_with("connack 0 | "));
        CHECK(all.find("publish #1 a q1 'x'") != std::string::npos);
        CHECK(all.find("pingresp") != std::string::npos);
    });
}

TEST_CASE("connect: a CONNECT may arrive one byte at a time") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.held.all = true;
        FakeClient& client = broker.client("alice");
        client.connect({.version = version});
        const ByteVector bytes = std::exchange(broker.world().wire(0).sent, {});
        broker.held.all = false;
        for (const std::byte byte : bytes) {
            CHECK(client.take() == "");
            client.send({byte});
        }
        CHECK(client.take() == "connack 0");
    });
}

TEST_CASE("connect: wrong credentials are refused [v5 MQTT-3.1.4-2]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.client("alice");
        client.connect({.version = version, .user_name = "u", .password = "wrong"});
        CHECK(client.take() == "connack 0x86 | closed");
        client.connect({.version = version, .user_name = "u", .password = "u"});
        CHECK(client.take() == "connack 0");
        CHECK(broker.world().log.refused == std::vector<std::string>{"wrong password"});
    });
}

TEST_CASE("connect: authentication may be decided later and nothing is read until then") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.world().access.decides_later = true;
        FakeClient& client = broker.client("alice");
        client.connect({.version = version, .user_name = "u", .password = "u"});
        client.ping();
        CHECK(client.take() == "");
        const auto decide = [&](FakeClient& who, core::AuthenticationResult result) {
            const Wire& wire = broker.world().wire(who.wire_index());
            broker.world()
                .shard(wire.shard)
                .on_authenticated(wire.id, result, broker.world().now());
            broker.run();
        };
        decide(client, {ReasonCode::success, {"u"}, ""});
        CHECK(client.take() == "connack 0 | pingresp");

        FakeClient& other = broker.client("bob");
        other.connect({.version = version});
        other.ping();
        decide(other, {ReasonCode::not_authorized, {}, "no"});
        CHECK(other.take() == "connack 0x87 | closed");

        FakeClient& gone = broker.client("carol");
        gone.connect({.version = version});
        gone.drop();
        CHECK(broker.world().total(&core::Counters::connections) == 1);
    });
}

TEST_CASE("connect: an authentication method that nobody knows is refused [v5 MQTT-4.12.0-1]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("alice");
        client.connect({.version = v5, .authentication_method = "SCRAM"});
        CHECK(client.take() == "connack 0x8C | closed");
    });
}

TEST_CASE("connect: the CONNACK of MQTT 5 tells what the server does [v5 MQTT-3.2.2-21]") {
    WorldOptions options;
    options.limits.keep_alive_max_s = 60;
    options.limits.topic_alias_max = 7;
    options.limits.receive_maximum = 33;
    options.limits.packet_size_max = 5000;
    options.limits.retain_available = false;
    options.limits.session_expiry_max_s = 100;
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("alice");
        client.connect({.version = v5, .keep_alive_s = 61, .session_expiry_s = 101});
        const Packet connack = client.take_packets().at(0);
        CHECK(connack.server_keep_alive_s == std::uint16_t{60});
        CHECK(connack.topic_alias_maximum == std::uint16_t{7});
        CHECK(connack.receive_maximum == std::uint16_t{33});
        CHECK(connack.maximum_packet_size == 5000U);
        CHECK(connack.retain_available == false);
        CHECK(connack.session_expiry_s == 100U);
        client.connect({.version = v5, .keep_alive_s = 60, .session_expiry_s = 100});
        const Packet granted = client.take_packets().at(0);
        CHECK(!granted.server_keep_alive_s);
        CHECK(!granted.session_expiry_s);
    });
}

TEST_CASE("connect: a client before MQTT 5 that asks for a longer keep alive is refused") {
    WorldOptions options;
    options.limits.keep_alive_max_s = 60;
    in_every_broker(v3, options, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("alice");
        client.connect({.keep_alive_s = 61});
        CHECK(client.take() == "connack 0x85 | closed");
        client.connect({.keep_alive_s = 60});
        CHECK(client.take() == "connack 0");
    });
}

TEST_CASE("connect: a packet that is too large before CONNECT is refused unread") {
    WorldOptions options;
    options.limits.packet_size_before_connect_max = 1000;
    in_every_broker(v3, options, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("a");
        client.open(v3);
        client.send(bytes_of("10 E9 07"));
        CHECK(client.take() == "closed");
    });
}
