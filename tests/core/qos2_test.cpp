// QoS 2 both ways: exactly once, whatever is sent again.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::PacketType;
using protocol::ReasonCode;
using protocol::Version;

namespace {

struct Pair {
    FakeClient& publisher;
    FakeClient& reader;
};

// A publisher with a persistent session and a reader that has subscribed to "a".
Pair make_pair(BrokerFixture& broker, Version version) {
    const ConnectOptions connect{.version = version, .clean = false};
    Pair pair{broker.connect("publisher", connect), broker.connect("reader", connect)};
    pair.publisher.auto_ack = false;
    pair.reader.subscribe("a", qos2);
    pair.reader.forget();
    return pair;
}

void reconnect(FakeClient& client, Version version) {
    client.drop();
    client.forget();
    client.connect({.version = version, .clean = false});
}

}  // namespace

TEST_CASE(
    "qos 2 in: PUBREC answers PUBLISH and PUBCOMP answers PUBREL [v3.1.1 MQTT-4.3.3-2] [v5 "
    "MQTT-4.3.3-8] [v5 MQTT-4.3.3-11]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        publisher.publish("a", "x", PublishOptions{.qos = qos2, .id = 9});
        CHECK(publisher.take() == "pubrec #9");
        CHECK(reader.messages() == "a q2 'x'");
        publisher.pubrel(9);
        CHECK(publisher.take() == "pubcomp #9");
        CHECK(reader.messages() == "");
    });
}

TEST_CASE(
    "qos 2 in: a message sent again before PUBREL is answered and not delivered again [v3.1.1 "
    "MQTT-4.3.3-2] [v5 MQTT-4.3.3-10]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        const PublishOptions again{.qos = qos2, .dup = true, .id = 9};
        publisher.publish("a", "x", PublishOptions{.qos = qos2, .id = 9});
        publisher.publish("a", "x", again);
        CHECK(publisher.take() == "pubrec #9 | pubrec #9");
        reconnect(publisher, version);
        publisher.publish("a", "x", again);
        CHECK(publisher.take() == "connack 0 present | pubrec #9");
        CHECK(reader.messages() == "a q2 'x'");
        publisher.pubrel(9);
        publisher.pubrel(9);
        CHECK(publisher.take() ==
              (version == v5 ? "pubcomp #9 | pubcomp #9 0x92" : "pubcomp #9 | pubcomp #9"));
    });
}

TEST_CASE(
    "qos 2 in: after PUBCOMP the identifier is for a new message [v3.1.1 MQTT-4.3.3-2] [v5 "
    "MQTT-4.3.3-12]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        for (const char* payload : {"1", "2", "3"}) {
            publisher.publish("a", payload, PublishOptions{.qos = qos2, .dup = true, .id = 9});
            publisher.pubrel(9);
        }
        CHECK(reader.messages() == "a q2 '1' | a q2 '2' | a q2 '3'");
    });
}

TEST_CASE("qos 2 in: a PUBREL after reconnecting completes the exchange") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        publisher.publish("a", "x", PublishOptions{.qos = qos2, .id = 9});
        reconnect(publisher, version);
        publisher.pubrel(9);
        CHECK(publisher.take() == "connack 0 present | pubcomp #9");
        CHECK(reader.messages() == "a q2 'x'");
    });
}

TEST_CASE(
    "qos 2 in: a clean start forgets the exchanges of the session before [v3.1.1 MQTT-3.1.2-6]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        publisher.publish("a", "1", PublishOptions{.qos = qos2, .id = 9});
        publisher.drop();
        publisher.connect({.version = version, .clean = true});
        publisher.publish("a", "2", PublishOptions{.qos = qos2, .id = 9});
        CHECK(reader.messages() == "a q2 '1' | a q2 '2'");
    });
}

TEST_CASE("qos 2 in: PUBREC waits until the message is durable and so does PUBCOMP") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        broker.held.store = true;
        publisher.publish("a", "x", PublishOptions{.qos = qos2, .id = 9});
        publisher.publish("a", "x", PublishOptions{.qos = qos2, .dup = true, .id = 9});
        CHECK(publisher.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(publisher.take() == "pubrec #9 | pubrec #9");
        broker.held.store = true;
        publisher.pubrel(9);
        CHECK(publisher.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(publisher.take() == "pubcomp #9");
        CHECK(reader.messages() == "a q2 'x'");
    });
}

TEST_CASE("qos 2 in: a refused message leaves its identifier free [v5 MQTT-4.3.3-9]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        auto [publisher, reader] = make_pair(broker, v5);
        bool permitted = true;
        broker.world().access.publish = [&](const core::Identity&, std::string_view,
                                            std::string_view) { return permitted; };
        publisher.publish("a", "1", PublishOptions{.qos = qos2, .id = 9});
        // Sent again after the rights are gone: it was taken, so it is answered as before.
        permitted = false;
        publisher.publish("a", "1", PublishOptions{.qos = qos2, .dup = true, .id = 9});
        publisher.pubrel(9);
        CHECK(publisher.take() == "pubrec #9 | pubrec #9 | pubcomp #9");
        publisher.publish("a", "2", PublishOptions{.qos = qos2, .id = 9});
        CHECK(publisher.take() == "pubrec #9 0x87");
        permitted = true;
        publisher.publish("a", "3", PublishOptions{.qos = qos2, .id = 9});
        CHECK(publisher.take() == "pubrec #9");
        CHECK(reader.messages() == "a q2 '1' | a q2 '3'");
    });
}

TEST_CASE(
    "qos 2 out: PUBREL follows PUBREC with the same identifier [v3.1.1 MQTT-4.3.3-1] [v5 "
    "MQTT-4.3.3-4]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        reader.auto_ack = false;
        publisher.publish("a", "x", qos2);
        CHECK(reader.take() == "publish #1 a q2 'x'");
        reader.pubrec(1);
        CHECK(reader.take() == "pubrel #1");
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 1);
        reader.pubcomp(1);
        CHECK(reader.take() == "");
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 0);
    });
}

TEST_CASE(
    "qos 2 out: PUBLISH is sent again until PUBREC and then only PUBREL [v3.1.1 MQTT-4.4.0-1] [v5 "
    "MQTT-4.4.0-1] [v5 MQTT-4.3.3-6]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        reader.auto_ack = false;
        for (const char* payload : {"1", "2", "3"}) {
            publisher.publish("a", payload, qos2);
        }
        reader.pubrec(2);
        reconnect(reader, version);
        CHECK(reader.take() ==
              "connack 0 present | publish #1 a q2 dup '1' | pubrel #2 | publish #3 a q2 dup '3'");
        reader.pubrec(1);
        reader.pubrec(3);
        CHECK(reader.take() == "pubrel #1 | pubrel #3");
        reader.pubcomp(3);
        reconnect(reader, version);
        CHECK(reader.take() == "connack 0 present | pubrel #1 | pubrel #2");
        reader.pubcomp(1);
        reader.pubcomp(2);
        reconnect(reader, version);
        CHECK(reader.take() == "connack 0 present");
    });
}

TEST_CASE("qos 2 out: a PUBREC sent again is answered again") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        reader.auto_ack = false;
        publisher.publish("a", "x", qos2);
        reader.forget();
        reader.pubrec(1);
        reader.pubrec(1);
        CHECK(reader.take() == "pubrel #1 | pubrel #1");
        reader.pubcomp(1);
        reader.pubrec(1);
        CHECK(reader.take() == (version == v5 ? "pubrel #1 0x92" : "pubrel #1"));
        reader.pubrec(77);
        CHECK(reader.take() == (version == v5 ? "pubrel #77 0x92" : "pubrel #77"));
    });
}

TEST_CASE("qos 2 out: acknowledgements of the wrong kind change nothing") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        reader.auto_ack = false;
        publisher.publish("a", "x", qos2);
        reader.puback(1);
        reader.pubcomp(1);
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 1);
        reader.forget();
        reader.pubrec(1);
        CHECK(reader.take() == "pubrel #1");
    });
}

TEST_CASE("qos 2 out: a PUBREC with an error ends the exchange [v5 MQTT-4.4.0-2]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        auto [publisher, reader] = make_pair(broker, v5);
        reader.auto_ack = false;
        publisher.publish("a", "x", qos2);
        reader.forget();
        reader.ack(PacketType::pubrec, 1, ReasonCode::quota_exceeded);
        CHECK(reader.take() == "");
        reconnect(reader, v5);
        CHECK(reader.take() == "connack 0 present");
    });
}

TEST_CASE(
    "qos 2 out: an exchange counts against the window until PUBCOMP [v5 MQTT-3.3.4-9] [v5 "
    "MQTT-4.9.0-2]") {
    WorldOptions options;
    options.limits.inflight_max = 1;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        reader.auto_ack = false;
        publisher.publish("a", "1", qos2);
        publisher.publish("a", "2", qos2);
        CHECK(reader.take() == "publish #1 a q2 '1'");
        reader.pubrec(1);
        CHECK(reader.take() == "pubrel #1");
        reader.pubcomp(1);
        CHECK(reader.take() == "publish #2 a q2 '2'");
    });
}

TEST_CASE(
    "qos 2 out: messages queued while away follow those in flight in order [v3.1.1 MQTT-4.6.0-6] "
    "[v3.1.1 MQTT-3.1.2-5]") {
    WorldOptions options;
    options.limits.inflight_max = 2;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        auto [publisher, reader] = make_pair(broker, version);
        reader.auto_ack = false;
        for (const char* payload : {"1", "2", "3"}) {
            publisher.publish("a", payload, qos2);
        }
        reader.drop();
        publisher.publish("a", "4", qos2);
        reader.forget();
        reader.auto_ack = true;
        reader.connect({.version = version, .clean = false});
        CHECK(reader.messages() == "a q2 '1' | a q2 '2' | a q2 '3' | a q2 '4'");
    });
}
