// Bytes that are not MQTT end the connection, in MQTT 5 with the reason.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::Version;

namespace {

struct Fault {
    const char* what;
    const char* bytes;  // of 3.1.1
    const char* bytes_v5;
    const char* reason;  // in MQTT 5
};

// What a connected client must not send.
const Fault faults[] = {
    {"packet type 0", "00 00", "00 00", "0x81"},
    {"a CONNACK from a client", "20 02 00 00", "20 03 00 00 00", "0x82"},
    {"a SUBACK from a client", "90 03 0001 00", "90 04 0001 00 00", "0x82"},
    {"an UNSUBACK from a client", "B0 02 0001", "B0 04 0001 00 00", "0x82"},
    {"a PINGRESP from a client", "D0 00", "D0 00", "0x82"},
    {"AUTH", "F0 00", "F0 00", "0x82"},
    {"a remaining length of five bytes", "30 FF FF FF FF 01", "30 FF FF FF FF 01", "0x81"},
    {"PUBLISH at QoS 3", "36 07 0001 'a' 0001 'xx'", "36 08 0001 'a' 0001 00 'xx'", "0x81"},
    {"PUBLISH at QoS 0 with DUP", "38 04 0001 'ax'", "38 05 0001 'a' 00 'x'", "0x82"},
    {"PUBLISH with Packet Identifier 0", "32 05 0001 'a' 0000", "32 06 0001 'a' 0000 00", "0x82"},
    {"PUBLISH without its Packet Identifier", "32 03 0001 'a'", "32 03 0001 'a'", "0x81"},
    {"PUBLISH to +", "30 03 0001 '+'", "30 04 0001 '+' 00", "0x90"},
    {"PUBLISH to a/#", "30 05 0003 'a/#'", "30 06 0003 'a/#' 00", "0x90"},
    {"PUBLISH to an empty topic", "30 02 0000", "30 03 0000 00", "0x82"},
    {"PUBLISH to bad UTF-8", "30 03 0001 C3", "30 04 0001 C3 00", "0x81"},
    {"PUBLISH to a surrogate", "30 05 0003 EDA080", "30 06 0003 EDA080 00", "0x81"},
    {"PUBLISH to U+0000", "30 04 0002 'a' 00", "30 05 0002 'a' 00 00", "0x81"},
    {"PUBLISH shorter than its topic", "30 03 0005 'a'", "30 03 0005 'a'", "0x81"},
    {"PUBREL with wrong flags", "60 02 0001", "60 02 0001", "0x81"},
    {"PUBACK with flags", "42 02 0001", "42 02 0001", "0x81"},
    {"PUBACK with Packet Identifier 0", "40 02 0000", "40 02 0000", "0x82"},
    {"PUBACK of one byte", "40 01 00", "40 01 00", "0x81"},
    {"SUBSCRIBE with wrong flags", "80 06 0001 0001 'a' 00", "80 07 0001 00 0001 'a' 00", "0x81"},
    {"SUBSCRIBE without a filter", "82 02 0001", "82 03 0001 00", "0x82"},
    {"SUBSCRIBE with Packet Identifier 0", "82 06 0000 0001 'a' 00", "82 07 0000 00 0001 'a' 00",
     "0x82"},
    {"SUBSCRIBE with QoS 3", "82 06 0001 0001 'a' 03", "82 07 0001 00 0001 'a' 03", "0x82"},
    {"SUBSCRIBE with reserved bits", "82 06 0001 0001 'a' 80", "82 07 0001 00 0001 'a' C0", "0x81"},
    {"SUBSCRIBE to bad UTF-8", "82 06 0001 0001 FF 00", "82 07 0001 00 0001 FF 00", "0x81"},
    {"SUBSCRIBE without the last QoS", "82 05 0001 0001 'a'", "82 06 0001 00 0001 'a'", "0x81"},
    {"UNSUBSCRIBE with wrong flags", "A0 05 0001 0001 'a'", "A0 06 0001 00 0001 'a'", "0x81"},
    {"UNSUBSCRIBE without a filter", "A2 02 0001", "A2 03 0001 00", "0x82"},
    {"UNSUBSCRIBE from bad UTF-8", "A2 05 0001 0001 FF", "A2 06 0001 00 0001 FF", "0x81"},
    {"PINGREQ with flags", "C1 00", "C1 00", "0x81"},
    {"PINGREQ with a body", "C0 01 00", "C0 01 00", "0x81"},
    {"DISCONNECT with flags", "E1 00", "E1 00", "0x81"},
};

}  // namespace

TEST_CASE(
    "malformed: a connected client that breaks the rules is disconnected [v3.1.1 MQTT-4.8.0-1] "
    "[v3.1.1 MQTT-1.5.3-1] [v3.1.1 MQTT-1.5.3-2] [v3.1.1 MQTT-2.2.2-2] [v3.1.1 MQTT-2.3.1-1] "
    "[v3.1.1 MQTT-3.3.1-2] [v3.1.1 MQTT-3.3.1-4] [v3.1.1 MQTT-3.3.2-2] [v3.1.1 MQTT-3.6.1-1] "
    "[v3.1.1 MQTT-3.8.1-1] [v3.1.1 MQTT-3.8.3-1] [v3.1.1 MQTT-3.8.3-3] [v3.1.1 MQTT-3.10.1-1] "
    "[v3.1.1 MQTT-3.10.3-1] [v3.1.1 MQTT-3.10.3-2] [v3.1.1 MQTT-3.14.1-1] [v3.1.1 MQTT-4.7.3-1] "
    "[v5 MQTT-4.13.1-1] [v5 MQTT-2.1.3-1] [v5 MQTT-3.14.1-1] [v5 MQTT-4.12.0-7] [v5 "
    "MQTT-3.8.3-5]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("#", qos0);
        reader.forget();
        std::uint64_t errors = 0;
        for (const Fault& fault : faults) {
            INFO("fault: " << std::string(fault.what));
            FakeClient& client = broker.connect("client", {.version = version});
            ByteVector bytes = bytes_of(version == v5 ? fault.bytes_v5 : fault.bytes);
            // What comes behind is not looked at any more.
            const ByteVector more =
                bytes_of(version == v5 ? "30 04 0001 'a' 00" : "30 03 0001 'a'");
            bytes.insert(bytes.end(), more.begin(), more.end());
            client.send(bytes);
            CHECK(client.take() == (version == v5
                                        ? "disconnect " + std::string(fault.reason) + " | closed"
                                        : "closed"));
            CHECK(broker.world().total(&core::Counters::protocol_errors) == ++errors);
        }
        CHECK(reader.take() == "");
        CHECK(broker.world().total(&core::Counters::sessions) == 1);
    });
}

TEST_CASE(
    "malformed: a filter that is not valid is refused in its SUBACK and nothing else happens") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("client", {.version = version});
        client.subscribe({{"", qos0}, {"a#", qos0}, {"#/a", qos0}, {"a/+b", qos0}});
        CHECK(client.take() ==
              (version == v5 ? "suback #1 0x8F 0x8F 0x8F 0x8F" : "suback #1 0x80 0x80 0x80 0x80"));
        client.ping();
        CHECK(client.take() == "pingresp");
    });
}

TEST_CASE(
    "malformed: a byte order mark is a character like others [v3.1.1 MQTT-1.5.3-3] [v5 "
    "MQTT-1.5.4-3]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("client", {.version = version});
        client.subscribe({{"\xEF\xBB\xBF"
                           "a",
                           qos0},
                          {"a", qos0}});
        client.forget();
        client.publish(
            "\xEF\xBB\xBF"
            "a",
            "x", qos0);
        CHECK(client.take() ==
              "publish \xEF\xBB\xBF"
              "a q0 'x'");
    });
}

TEST_CASE("malformed: garbage before CONNECT is answered by closing alone") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        for (const char* garbage :
             {"00", "'GET / HTTP/1.1'", "16 03 01 02 00 01 00 01 FC 03 03", "10 00", "10 02 00 04",
              "11 0D 0004 'MQTT' 04 02 0000 0001 'a'", "10 FF FF FF FF 7F"}) {
            FakeClient& client = broker.client("client");
            client.open(v3);
            client.send(bytes_of(garbage));
            INFO("garbage: " << std::string(garbage));
            CHECK(client.take() == "closed");
        }
    });
}

TEST_CASE("malformed: packets may be split and joined in any way") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("#", qos0);
        reader.forget();
        FakeClient& client = broker.connect("client", {.version = version});
        broker.held.all = true;
        for (int i = 0; i < 20; ++i) {
            client.publish("t" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'),
                           qos0);
        }
        const ByteVector all = std::exchange(broker.world().wire(client.wire_index()).sent, {});
        broker.held.all = false;
        for (std::size_t piece = 1; piece < 9; ++piece) {
            for (std::size_t at = 0; at < all.size(); at += piece) {
                const std::size_t end = std::min(at + piece, all.size());
                client.send(ByteVector(all.begin() + static_cast<std::ptrdiff_t>(at),
                                       all.begin() + static_cast<std::ptrdiff_t>(end)));
            }
            CHECK(reader.take_packets().size() == 20);
        }
    });
}
