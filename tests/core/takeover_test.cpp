// A second connection with a Client Identifier that is connected already.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::Version;

TEST_CASE(
    "takeover: the connected client is disconnected [v3.1.1 MQTT-3.1.4-2] [v5 MQTT-3.1.4-3]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& first = broker.connect("alice", {.version = version});
        FakeClient& second = broker.client("alice");
        second.connect({.version = version});
        CHECK(first.take() == (version == v5 ? "disconnect 0x8E | closed" : "closed"));
        CHECK(second.take() == "connack 0");
        CHECK(broker.world().total(&core::Counters::sessions_taken_over) == 1);
        CHECK(broker.world().total(&core::Counters::sessions) == 1);
        CHECK(broker.world().total(&core::Counters::connections) == 1);
    });
}

TEST_CASE(
    "takeover: a persistent session goes on with the new connection [v3.1.1 MQTT-3.1.2-4] [v5 "
    "MQTT-3.1.2-5]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& first = broker.connect("alice", {.version = version, .clean = false});
        first.subscribe("a", qos1);
        first.auto_ack = false;
        FakeClient& publisher = broker.connect("bob", {.version = version});
        publisher.publish("a", "one", qos1);
        first.forget();
        FakeClient& second = broker.client("alice");
        second.connect({.version = version, .clean = false});
        CHECK(second.take() == "connack 0 present | publish #1 a q1 dup 'one'");
        publisher.publish("a", "two", qos1);
        CHECK(second.take() == "publish #2 a q1 'two'");
        CHECK(first.messages() == "");
    });
}

TEST_CASE("takeover: a session without clean start meets one that ends with its connection") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& first = broker.connect("alice", {.version = version, .clean = true});
        first.subscribe("a", qos1);
        FakeClient& second = broker.client("alice");
        second.connect({.version = version, .clean = false});
        CHECK(second.take() == "connack 0");
        broker.connect("bob", {.version = version}).publish("a", "x", qos1);
        CHECK(second.take() == "");
    });
}

TEST_CASE("takeover: the will of the connection that ends is published [v3.1.1 MQTT-3.1.2-8]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("will", qos1);
        reader.forget();
        broker.connect("alice", {.version = version, .will = WillOptions{"will", "gone", qos1}});
        FakeClient& second = broker.client("alice");
        second.connect({.version = version});
        CHECK(reader.messages() == "will q1 'gone'");
    });
}

TEST_CASE("takeover: another user can not have the session") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& owner =
            broker.connect("alice", {.version = version, .clean = false, .user_name = "u"});
        FakeClient& thief = broker.client("alice");
        thief.connect({.version = version, .clean = true, .user_name = "v"});
        CHECK(thief.take() == "connack 0x85 | closed");
        owner.ping();
        CHECK(owner.take() == "pingresp");
        owner.disconnect();
        thief.connect({.version = version, .clean = false, .user_name = "v"});
        CHECK(thief.take() == "connack 0x85 | closed");
    });
}

TEST_CASE("takeover: answers owed to the old connection do not go to the new one") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& first = broker.connect("alice", {.version = version, .clean = false});
        first.subscribe("a", qos1);
        first.forget();
        broker.held.store = true;
        first.publish("a", "x", PublishOptions{.qos = qos1, .id = 77});
        FakeClient& second = broker.client("alice");
        second.connect({.version = version, .clean = false});
        broker.held.store = false;
        broker.run();
        const std::string all = second.take();
        CHECK(all.starts_with("connack 0 present"));
        CHECK(all.find("puback") == std::string::npos);
    });
}

TEST_CASE("takeover: by itself over and over ends with one connection") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.held.all = true;
        for (int i = 0; i < 10; ++i) {
            broker.client("alice").connect({.version = version, .clean = i % 2 == 0});
        }
        broker.held.all = false;
        broker.run();
        CHECK(broker.world().total(&core::Counters::connections) == 1);
        CHECK(broker.world().total(&core::Counters::sessions) == 1);
    });
}
