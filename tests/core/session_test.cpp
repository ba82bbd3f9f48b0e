// Sessions: what is remembered while a client is away, and for how long.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using namespace std::chrono_literals;
using protocol::ReasonCode;
using protocol::Version;

namespace {

ConnectOptions keeping(Version version) {
    return {.version = version, .clean = false};
}

std::uint64_t sessions(BrokerFixture& broker) {
    return broker.world().total(&core::Counters::sessions);
}

}  // namespace

TEST_CASE(
    "session: QoS 1 and 2 messages wait for a client that is away [v3.1.1 MQTT-3.1.2-5] [v3.1.1 "
    "MQTT-4.5.0-1] [v3.1.1 MQTT-4.1.0-1] [v5 MQTT-4.5.0-1] [v5 MQTT-3.1.2-23]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe({{"a", qos2}, {"b", qos1}});
        reader.disconnect();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "0", qos0);
        publisher.publish("a", "1", qos1);
        publisher.publish("a", "2", qos2);
        publisher.publish("b", "3", qos2);
        CHECK(broker.world().total(&core::Counters::queued_messages) == 3);
        reader.forget();
        reader.connect(keeping(version));
        CHECK(reader.messages() == "a q1 '1' | a q2 '2' | b q1 '3'");
        CHECK(broker.world().total(&core::Counters::queued_messages) == 0);
        CHECK(broker.world().total(&core::Counters::queued_bytes) == 0);
        CHECK(broker.world().dropped() == 0);
    });
}

TEST_CASE(
    "session: subscriptions are kept and work at once after reconnecting [v3.1.1 MQTT-3.1.2-4] [v5 "
    "MQTT-3.1.2-5]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a/+", qos1);
        reader.drop();
        reader.forget();
        reader.connect(keeping(version));
        CHECK(reader.take() == "connack 0 present");
        broker.connect("publisher", {.version = version}).publish("a/b", "x", qos0);
        CHECK(reader.messages() == "a/b q0 'x'");
    });
}

TEST_CASE(
    "session: a clean one ends with its connection and nothing of it is used again [v3.1.1 "
    "MQTT-3.1.2-6] [v5 MQTT-3.1.2-4]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.auto_ack = false;
        reader.subscribe("a", qos1);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "1", qos1);
        reader.drop();
        publisher.publish("a", "2", qos1);
        reader.forget();
        reader.connect({.version = version, .clean = true});
        CHECK(reader.take() == "connack 0");
        publisher.publish("a", "3", qos1);
        CHECK(reader.take() == "");
        reader.drop();
        CHECK(sessions(broker) == 1);
        CHECK(broker.world().total(&core::Counters::subscriptions) == 0);
        CHECK(broker.world().total(&core::Counters::queued_messages) == 0);
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 0);
    });
}

TEST_CASE(
    "session: a session lasts at least as long as its connection [v3.1.1 MQTT-4.1.0-2] [v5 "
    "MQTT-4.1.0-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos1);
        reader.forget();
        broker.pass_time(1000h);
        broker.connect("publisher", {.version = version}).publish("a", "x", qos1);
        CHECK(reader.messages() == "a q1 'x'");
    });
}

TEST_CASE(
    "session: it ends when its expiry interval has passed without a connection [v5 MQTT-3.1.2-23] "
    "[v5 MQTT-4.1.0-2]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        const ConnectOptions connect{.version = v5, .clean = false, .session_expiry_s = 100};
        FakeClient& client = broker.connect("a", connect);
        broker.pass_time(200s);
        client.drop();
        broker.pass_time(99s);
        client.forget();
        client.connect(connect);
        CHECK(client.take() == "connack 0 present");
        client.drop();
        broker.pass_time(101s);
        CHECK(sessions(broker) == 0);
        CHECK(broker.world().total(&core::Counters::sessions_expired) == 1);
        client.connect(connect);
        CHECK(client.take() == "connack 0");
    });
}

TEST_CASE("session: without an expiry interval it ends with the connection in MQTT 5") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        broker.connect("a", {.version = v5, .clean = false, .session_expiry_s = 0}).drop();
        CHECK(sessions(broker) == 0);
    });
}

TEST_CASE("session: DISCONNECT may change the expiry interval but not raise it from zero") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& shorter =
            broker.connect("a", {.version = v5, .clean = false, .session_expiry_s = 100});
        shorter.disconnect(ReasonCode::success, 0);
        CHECK(sessions(broker) == 0);
        FakeClient& longer =
            broker.connect("b", {.version = v5, .clean = false, .session_expiry_s = 100});
        longer.disconnect(ReasonCode::success, 1000);
        broker.pass_time(900s);
        CHECK(sessions(broker) == 1);
        broker.pass_time(200s);
        CHECK(sessions(broker) == 0);
        FakeClient& raised =
            broker.connect("c", {.version = v5, .clean = false, .session_expiry_s = 0});
        raised.disconnect(ReasonCode::success, 1000);
        CHECK(raised.take() == "disconnect 0x82 | closed");
        CHECK(sessions(broker) == 0);
    });
}

TEST_CASE("session: the operator may bound how long clients are remembered") {
    WorldOptions options;
    options.limits.session_expiry_max_s = 60;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        broker.connect("a", keeping(version)).drop();
        broker.pass_time(59s);
        CHECK(sessions(broker) == 1);
        broker.pass_time(2s);
        CHECK(sessions(broker) == 0);
    });
}

TEST_CASE("session: a client may come back in another version of the protocol") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        FakeClient& reader = broker.connect("reader", keeping(v3));
        reader.subscribe("a", qos1);
        reader.drop();
        FakeClient& publisher = broker.connect("publisher", {.version = v5});
        publisher.publish("a", "1", PublishOptions{.qos = qos1, .properties = bytes_of("01 01")});
        reader.forget();
        reader.connect(keeping(v5));
        CHECK(reader.take() == "connack 0 present | publish #1 a q1 '1'");
        reader.drop();
        publisher.publish("a", "2", qos1);
        reader.connect(keeping(v3));
        CHECK(reader.take() == "connack 0 present | publish #2 a q1 '2'");
    });
}

TEST_CASE(
    "session: CONNACK waits until a new session is durable and nothing is sent before it [v3.1.1 "
    "MQTT-3.2.0-1] [v5 MQTT-3.2.0-1]") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.client("reader");
        broker.held.store = true;
        reader.connect(keeping(version));
        reader.subscribe("a", qos2);
        CHECK(reader.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(reader.take() == "connack 0 | suback #1 2");
    });
}

TEST_CASE("session: one that is resumed waits for no store but what is queued does") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a", qos1);
        reader.drop();
        reader.forget();
        broker.held.store = true;
        reader.connect(keeping(version));
        CHECK(reader.take() == "connack 0 present");
        broker.held.store = false;
        reader.drop();
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "0", qos1);
        broker.held.store = true;
        reader.connect(keeping(version));
        CHECK(reader.take() == "connack 0 present");
        broker.held.store = false;
        broker.run();
        CHECK(reader.take() == "publish #1 a q1 '0'");
    });
}

TEST_CASE("session: the end of a stored session is durable before the CONNACK that brings it") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", keeping(version));
        client.drop();
        client.forget();
        broker.held.store = true;
        client.connect({.version = version, .clean = true});
        CHECK(client.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(client.take() == "connack 0");
    });
}

TEST_CASE("session: a connection that ends before its CONNACK leaves the session behind") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        broker.held.store = true;
        FakeClient& client = broker.client("a");
        client.connect(keeping(version));
        client.drop();
        CHECK(sessions(broker) == 1);
        broker.held.store = false;
        client.connect(keeping(version));
        CHECK(client.take() == "connack 0 present");
    });
}

TEST_CASE("session: queue limits in messages are kept and every drop is counted") {
    WorldOptions options;
    options.limits.queued_messages_max = 5;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        // Of what becomes of it on other shards a publisher is not told.
        FakeClient& reader = broker.connect(broker.client_id_on(0, "reader"), keeping(version));
        reader.subscribe("a", qos1);
        reader.drop();
        FakeClient& publisher =
            broker.connect(broker.client_id_on(0, "publisher"), {.version = version});
        for (const char* payload : {"1", "2", "3", "4", "5", "6", "7"}) {
            publisher.publish("a", payload, qos1);
        }
        CHECK(broker.world().total(&core::Counters::dropped_queue_full) == 2);
        CHECK(broker.world().log.drops.size() == 1);
        const std::string told = publisher.take();
        if (version == v5) {
            CHECK(told.ends_with("puback #5 | puback #6 0x97 | puback #7 0x97"));
        } else {
            CHECK(told.ends_with("puback #5 | puback #6 | puback #7"));
        }
        reader.forget();
        reader.connect(keeping(version));
        CHECK(reader.messages() == "a q1 '1' | a q1 '2' | a q1 '3' | a q1 '4' | a q1 '5'");
    });
}

TEST_CASE("session: queue limits in bytes are kept") {
    WorldOptions options;
    options.limits.queued_bytes_max = 10'000;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a", qos1);
        reader.drop();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (int i = 0; i < 20; ++i) {
            publisher.publish("a", std::string(1000, 'x'), qos1);
        }
        CHECK(broker.world().total(&core::Counters::queued_bytes) <= 10'000);
        CHECK(broker.world().total(&core::Counters::queued_messages) +
                  broker.world().total(&core::Counters::dropped_queue_full) ==
              20);
        publisher.publish("a", "small", qos1);
        CHECK(broker.world().total(&core::Counters::queued_messages) ==
              21 - broker.world().total(&core::Counters::dropped_queue_full));
    });
}

TEST_CASE("session: undelivered messages of a session that ends are counted") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& reader =
            broker.connect("reader", {.version = v5, .clean = false, .session_expiry_s = 10});
        reader.subscribe("a", qos1);
        reader.drop();
        FakeClient& publisher = broker.connect("publisher", {.version = v5});
        publisher.publish("a", "1", qos1);
        publisher.publish("a", "2", qos1);
        broker.pass_time(11s);
        CHECK(broker.world().total(&core::Counters::dropped_session_ended) == 2);
        CHECK(broker.world().total(&core::Counters::queued_bytes) == 0);
    });
}

TEST_CASE("session: many of them come and go") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        for (int round = 0; round < 3; ++round) {
            std::vector<FakeClient*> clients;
            for (int i = 0; i < 50; ++i) {
                FakeClient& client = broker.connect(
                    "c" + std::to_string(i), {.version = version, .clean = (i + round) % 2 == 0});
                client.subscribe({{"a", qos1}, {"b/#", qos0}, {"c" + std::to_string(i), qos2}});
                clients.push_back(&client);
            }
            clients[7]->publish("a", "x", qos1);
            for (std::size_t i = 0; i < clients.size(); ++i) {
                CHECK(clients[i]->messages() == "a q1 'x'");
                i % 3 == 0 ? clients[i]->drop() : clients[i]->disconnect();
            }
        }
        CHECK(sessions(broker) == 25);
        CHECK(broker.world().total(&core::Counters::subscriptions) == 75);
        CHECK(broker.world().total(&core::Counters::connections) == 0);
    });
}
