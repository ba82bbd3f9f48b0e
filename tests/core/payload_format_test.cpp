// Payload Format Indicator: what says it is UTF-8 has to be, when the operator wants that.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;

namespace {

WorldOptions validating() {
    WorldOptions options;
    options.limits.validate_payload_format = true;
    return options;
}

const ByteVector says_utf8 = bytes_of("01 01");
const ByteVector says_bytes = bytes_of("01 00");
constexpr std::string_view no_text = "\xC3(";

}  // namespace

TEST_CASE("payload format: what is no UTF-8 as it says is refused with 0x99") {
    in_every_broker(v5, validating(), [](BrokerFixture& broker) {
        FakeClient& reader = broker.connect("reader", {.version = v5});
        reader.subscribe("a", qos2);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = v5});
        publisher.publish("a", no_text, {.qos = qos1, .properties = says_utf8});
        publisher.publish("a", no_text, {.qos = qos2, .properties = says_utf8});
        publisher.publish("a", no_text, {.qos = qos0, .properties = says_utf8});
        CHECK(publisher.take() == "puback #1 0x99 | pubrec #2 0x99");
        CHECK(reader.take() == "");
        CHECK(broker.world().total(&core::Counters::publishes_refused) == 3);
        // The Packet Identifier of the refused one is free again.
        publisher.publish("a", "fine", {.qos = qos2, .id = 2, .properties = says_utf8});
        CHECK(reader.messages() == "a q2 'fine'");
    });
}

TEST_CASE("payload format: any text passes (with U+0000 too) and so does what says nothing") {
    in_every_broker(v5, validating(), [](BrokerFixture& broker) {
        FakeClient& client = broker.connect("client", {.version = v5});
        client.subscribe("a", qos0);
        client.forget();
        const std::string text("gr\xC3\xBC\xC3\x9F\0e", 9);
        client.publish("a", text, {.properties = says_utf8});
        client.publish("a", "", {.properties = says_utf8});
        client.publish("a", no_text, {.properties = says_bytes});
        client.publish("a", no_text);
        CHECK(client.take_packets().size() == 4);
    });
}

TEST_CASE("payload format: nothing is checked unless it is asked for") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.connect("client", {.version = v5});
        client.subscribe("a", qos0);
        client.forget();
        client.publish("a", no_text, {.properties = says_utf8});
        CHECK(client.take_packets().size() == 1);
    });
}

TEST_CASE("payload format: a will is checked with its CONNECT") {
    in_every_broker(v5, validating(), [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        client.connect(
            {.version = v5,
             .will = WillOptions{
                 .topic = "w", .payload = std::string(no_text), .properties = says_utf8}});
        CHECK(client.take() == "connack 0x99 | closed");
        client.connect(
            {.version = v5,
             .will = WillOptions{.topic = "w", .payload = "bye", .properties = says_utf8}});
        CHECK(client.take() == "connack 0");
    });
}
