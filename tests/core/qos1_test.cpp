// QoS 1 both ways: acknowledged once it is safe, delivered at least once.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::Version;

namespace {

WorldOptions with_store() {
    WorldOptions options;
    options.keeps_records = true;
    return options;
}

}  // namespace

TEST_CASE(
    "qos 1: PUBACK carries the Packet Identifier of the PUBLISH [v3.1.1 MQTT-2.3.1-6] [v3.1.1 "
    "MQTT-4.3.2-2] [v5 MQTT-2.2.1-5] [v5 MQTT-4.3.2-4]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("#", qos0);
        FakeClient& client = broker.connect("a", {.version = version});
        for (const std::uint16_t id : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{65'535}}) {
            client.publish("a", "x", PublishOptions{.qos = qos1, .id = id});
            CHECK(client.take() == "puback #" + std::to_string(id));
        }
    });
}

TEST_CASE(
    "qos 1: an identifier used again is a new message whatever its DUP flag [v3.1.1 MQTT-4.3.2-2] "
    "[v5 MQTT-4.3.2-5]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe("a", qos1);
        client.forget();
        client.publish("a", "x", PublishOptions{.qos = qos1, .id = 7});
        client.publish("a", "x", PublishOptions{.qos = qos1, .dup = true, .id = 7});
        CHECK(client.messages() == "a q1 'x' | a q1 'x'");
    });
}

TEST_CASE(
    "qos 1: each delivery has its own identifier until it is acknowledged [v3.1.1 MQTT-4.3.2-1] "
    "[v3.1.1 MQTT-2.3.1-4] [v5 MQTT-2.2.1-4] [v5 MQTT-4.3.2-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.auto_ack = false;
        reader.subscribe("a", qos1);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "1", qos1);
        publisher.publish("a", "2", qos1);
        CHECK(reader.take() == "publish #1 a q1 '1' | publish #2 a q1 '2'");
        reader.puback(1);
        publisher.publish("a", "3", qos1);
        CHECK(reader.take() == "publish #3 a q1 '3'");
    });
}

TEST_CASE(
    "qos 1: unacknowledged messages are sent again in order with DUP after reconnecting [v3.1.1 "
    "MQTT-4.4.0-1] [v3.1.1 MQTT-4.6.0-1] [v3.1.1 MQTT-3.3.1-1] [v5 MQTT-4.4.0-1] [v5 "
    "MQTT-3.3.1-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const ConnectOptions connect{.version = version, .clean = false};
        FakeClient& reader = broker.connect("reader", connect);
        reader.auto_ack = false;
        reader.subscribe({{"a", qos1}, {"b", qos1}});
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (const char* payload : {"1", "2", "3", "4"}) {
            publisher.publish(*payload % 2 == 1 ? "a" : "b", payload, qos1);
        }
        reader.puback(2);
        CHECK(reader.messages() == "a q1 '1' | b q1 '2' | a q1 '3' | b q1 '4'");
        reader.drop();
        reader.forget();
        publisher.publish("a", "5", qos1);
        reader.connect(connect);
        CHECK(reader.take() ==
              "connack 0 present | publish #1 a q1 dup '1' | publish #3 a q1 dup '3' | "
              "publish #4 b q1 dup '4' | publish #5 a q1 '5'");
        for (const unsigned id : {1U, 3U, 4U, 5U}) {
            reader.puback(static_cast<std::uint16_t>(id));
        }
        reader.drop();
        reader.forget();
        reader.connect(connect);
        CHECK(reader.take() == "connack 0 present");
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 0);
        CHECK(broker.world().total(&core::Counters::queued_messages) == 0);
    });
}

TEST_CASE("qos 1: nothing is sent again while the connection lasts [v5 MQTT-4.4.0-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.auto_ack = false;
        reader.subscribe("a", qos1);
        broker.connect("publisher", {.version = version}).publish("a", "1", qos1);
        reader.forget();
        broker.pass_time(std::chrono::hours(10));
        CHECK(reader.take() == "");
    });
}

TEST_CASE("qos 1: a stray acknowledgement is ignored") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.auto_ack = false;
        reader.subscribe("a", qos1);
        broker.connect("publisher", {.version = version}).publish("a", "1", qos1);
        reader.forget();
        reader.puback(2);
        reader.puback(65'535);
        reader.pubcomp(1);
        reader.puback(1);
        reader.puback(1);
        CHECK(reader.take() == "");
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 0);
    });
}

TEST_CASE(
    "qos 1: at most a window of messages is in flight and the rest follows [v5 MQTT-3.3.4-9]") {
    WorldOptions options;
    options.limits.inflight_max = 3;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.auto_ack = false;
        reader.subscribe("a", qos1);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (const char* payload : {"1", "2", "3", "4", "5", "6"}) {
            publisher.publish("a", payload, qos1);
        }
        CHECK(reader.messages() == "a q1 '1' | a q1 '2' | a q1 '3'");
        CHECK(broker.world().total(&core::Counters::queued_messages) == 3);
        reader.puback(2);
        CHECK(reader.take() == "publish #4 a q1 '4'");
        reader.puback(1);
        reader.puback(3);
        CHECK(reader.take() == "publish #5 a q1 '5' | publish #6 a q1 '6'");
    });
}

TEST_CASE("qos 1: PUBACK waits until the message is durable for a persistent session") {
    in_every_broker(with_store(), [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.subscribe("a", qos1);
        reader.disconnect();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        broker.held.store = true;
        publisher.publish("a", "x", qos1);
        broker.pass_time(std::chrono::hours(1));
        CHECK(publisher.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(publisher.take() == "puback #1");
    });
}

TEST_CASE("qos 1: delivery to a connected client need not wait for the store") {
    in_every_broker(with_store(), [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.subscribe("a", qos1);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        broker.held.store = true;
        publisher.publish("a", "x", qos1);
        CHECK(reader.messages() == "a q1 'x'");
        CHECK(publisher.take() == "");
    });
}

TEST_CASE("qos 1: a message that nobody persistent wants does not wait for the store") {
    in_every_broker(with_store(), [](BrokerFixture& broker, Version version) {
        FakeClient& keeper = broker.connect("keeper", {.version = version, .clean = false});
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos1);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        broker.held.store = true;
        keeper.subscribe("b", qos1);  // something unrelated is under way
        publisher.publish("a", "x", qos1);
        CHECK(publisher.take() == "puback #1");
    });
}

TEST_CASE("qos 1: PUBACK waits until the other shards with subscribers have the message") {
    for (const core::ShardIndex shards : {core::ShardIndex{2}, core::ShardIndex{4}}) {
        WorldOptions options;
        options.shards = shards;
        BrokerFixture broker(options);
        FakeClient& publisher = broker.connect(broker.client_id_on(0, "p"));
        FakeClient& reader = broker.connect(broker.client_id_on(1, "r"), {.clean = false});
        reader.subscribe("a", qos1);
        reader.forget();
        for (core::ShardIndex shard = 2; shard < shards; ++shard) {
            broker.connect(broker.client_id_on(shard, "other")).subscribe("#", qos0);
        }
        broker.held.mailboxes = true;
        publisher.publish("a", "x", qos1);
        CHECK(publisher.take() == "");
        CHECK(reader.take() == "");
        for (core::ShardIndex to = 1; to < shards; ++to) {
            REQUIRE(broker.world().deliver_batch(0, to));
        }
        broker.run();
        CHECK(reader.messages() == "a q1 'x'");
        CHECK(publisher.take() == "");
        for (core::ShardIndex from = 1; from < shards; ++from) {
            CHECK(publisher.take() == "");
            REQUIRE(broker.world().deliver_batch(from, 0));
            broker.run();
        }
        CHECK(publisher.take() == "puback #1");
    }
}

TEST_CASE("qos 1: PUBACK waits for the store of another shard") {
    WorldOptions options = with_store();
    options.shards = 2;
    BrokerFixture broker(options);
    FakeClient& publisher = broker.connect(broker.client_id_on(0, "p"));
    FakeClient& reader = broker.connect(broker.client_id_on(1, "r"), {.clean = false});
    reader.subscribe("a", qos1);
    broker.held.store = true;
    publisher.publish("a", "x", qos1);
    publisher.publish("b", "for nobody", qos1);
    CHECK(publisher.take() == "");
    REQUIRE(broker.world().store(0).pending.empty());
    while (broker.world().complete_store(1)) {
    }
    broker.run();
    CHECK(publisher.take() == "puback #1 | puback #2");
}

TEST_CASE("qos 1: acknowledgements leave in the order of the messages [v3.1.1 MQTT-4.6.0-2]") {
    in_every_broker(with_store(), [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.subscribe("stored", qos1);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.subscribe("not stored", qos1);
        publisher.forget();
        broker.held.store = true;
        publisher.publish("stored", "1", qos1);
        publisher.publish("not stored", "2", qos0);
        publisher.publish("not stored", "3", qos1);
        CHECK(publisher.messages() == "not stored q0 '2' | not stored q1 '3'");
        broker.held.store = false;
        broker.run();
        CHECK(publisher.take() == "puback #2 | puback #3");
    });
}

TEST_CASE("qos 1: more messages than the receive maximum wait unread until some are acknowledged") {
    WorldOptions options = with_store();
    options.limits.receive_maximum = 2;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.subscribe("a", qos1);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        broker.held.store = true;
        for (const char* payload : {"1", "2", "3", "4"}) {
            publisher.publish("a", payload, qos1);
        }
        CHECK(reader.messages() == "a q1 '1' | a q1 '2'");
        broker.held.store = false;
        broker.run();
        CHECK(reader.messages() == "a q1 '3' | a q1 '4'");
        CHECK(publisher.take() == "puback #1 | puback #2 | puback #3 | puback #4");
    });
}
