// What is answered with reference to something that an earlier connection has changed waits until
// that is durable too: after a crash the client would be told otherwise, or lose a message.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::Version;

namespace {

ConnectOptions keeping(Version version) {
    return {.version = version, .clean = false};
}

void in_every_broker_with_store(const BrokerTest& test) {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, test);
}

void let_store(BrokerFixture& broker) {
    broker.held.store = false;
    broker.run();
    broker.held.store = true;
}

}  // namespace

TEST_CASE("durable answers: a PUBCOMP for what an earlier connection released") {
    in_every_broker_with_store([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a", qos2);
        FakeClient& publisher = broker.connect("publisher", keeping(version));
        publisher.auto_ack = false;
        publisher.publish("a", "1", PublishOptions{.qos = qos2, .id = 9});
        CHECK(publisher.take() == "pubrec #9");
        broker.held.store = true;
        publisher.pubrel(9);
        publisher.drop();
        publisher.connect(keeping(version));
        publisher.pubrel(9);
        CHECK(publisher.take() == "connack 0 present");
        let_store(broker);
        CHECK(publisher.take() == (version == v5 ? "pubcomp #9 0x92" : "pubcomp #9"));
    });
}

TEST_CASE("durable answers: a CONNACK for a session that an earlier connection began") {
    in_every_broker_with_store([](BrokerFixture& broker, Version version) {
        broker.held.store = true;
        FakeClient& client = broker.client("client");
        client.connect(keeping(version));
        client.drop();
        client.connect(keeping(version));
        CHECK(client.take().empty());
        let_store(broker);
        CHECK(client.take() == "connack 0 present");
        // Later ones need no store.
        client.drop();
        client.connect(keeping(version));
        CHECK(client.take() == "connack 0 present");
    });
}

TEST_CASE("durable answers: a CONNACK after the end of a session that an earlier one ended") {
    in_every_broker_with_store([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("client", keeping(version));
        client.drop();
        broker.held.store = true;
        client.connect({.version = version});
        client.drop();
        client.connect({.version = version});
        CHECK(client.take().empty());
        broker.connect("another", {.version = version});
        let_store(broker);
        CHECK(client.take() == "connack 0");
        client.drop();
        client.connect({.version = version});
        CHECK(client.take() == "connack 0");
    });
}

TEST_CASE("durable answers: a CONNACK for a connection with a Will that is stored") {
    in_every_broker_with_store([](BrokerFixture& broker, Version version) {
        broker.connect("client", keeping(version)).drop();
        broker.held.store = true;
        FakeClient& client = broker.client("client");
        ConnectOptions options = keeping(version);
        options.will = WillOptions{.topic = "w", .payload = "gone"};
        client.connect(options);
        CHECK(client.take().empty());
        let_store(broker);
        CHECK(client.take() == "connack 0 present");
    });
}

TEST_CASE("durable answers: an UNSUBACK for what an earlier connection unsubscribed") {
    in_every_broker_with_store([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("client", keeping(version));
        client.subscribe("a", qos1);
        broker.held.store = true;
        client.unsubscribe({"a"});
        client.drop();
        client.forget();
        client.connect(keeping(version));
        client.unsubscribe({"a"});
        CHECK(client.take() == "connack 0 present");
        let_store(broker);
        CHECK(client.take().starts_with("unsuback"));
    });
}

TEST_CASE(
    "durable answers: who comes back with a smaller Receive Maximum gets what waited in order "
    "[v5 MQTT-3.3.4-9] [v5 MQTT-4.6.0-1]") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        FakeClient& reader = broker.connect("reader", keeping(v5));
        reader.subscribe("a", qos2);
        reader.auto_ack = false;
        FakeClient& publisher = broker.connect("publisher", {.version = v5});
        publisher.publish("a", "1", qos2);
        CHECK(reader.messages() == "a q2 '1'");
        broker.held.store = true;
        for (const char* payload : {"2", "3", "4"}) {
            publisher.publish("a", payload, qos2);
        }
        reader.drop();
        reader.forget();
        ConnectOptions small = keeping(v5);
        small.receive_maximum = 2;
        reader.connect(small);
        let_store(broker);
        broker.held.store = false;
        CHECK(reader.take() == "connack 0 present | publish #1 a q2 dup '1' | publish #2 a q2 '2'");
        reader.auto_ack = true;
        reader.pubrec(1);
        reader.pubrec(2);
        CHECK(reader.messages() == "a q2 '3' | a q2 '4'");
    });
}
