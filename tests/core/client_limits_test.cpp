// What one client may take: its publish rate, its queue, the QoS its listener grants, and nothing
// new while memory is short.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::QoS;
using protocol::Version;

namespace {

ConnectOptions keeping(Version version) {
    return {.version = version, .clean = false, .session_expiry_s = 1000};
}

WorldOptions with(const std::function<void(core::Limits&)>& set) {
    WorldOptions options;
    set(options.limits);
    return options;
}

std::uint64_t count(BrokerFixture& broker, std::uint64_t core::Counters::*counter) {
    return broker.world().total(counter);
}

}  // namespace

TEST_CASE("publish rate: what comes faster is read later and nothing is lost") {
    const auto options = with([](core::Limits& limits) { limits.publish_rate_max = 10; });
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos0);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (int i = 0; i < 30; ++i) {
            publisher.publish("a", std::to_string(i), qos0);
        }
        const auto received = [&] {
            std::size_t messages = 0;
            for (const Packet& packet : reader.take_packets()) {
                messages += packet.type == protocol::PacketType::publish ? 1 : 0;
            }
            return messages;
        };
        CHECK(received() == 11);  // a second's worth, and the one that finds the bucket empty
        broker.pass_time(std::chrono::seconds(1));
        CHECK(received() == 10);
        broker.pass_time(std::chrono::seconds(5));
        CHECK(received() == 9);
        CHECK(count(broker, &core::Counters::publishers_throttled) > 0);
        CHECK(broker.world().dropped() == 0);
    });
}

TEST_CASE("publish rate: bytes count too and a client may go while it is over its rate") {
    const auto options = with([](core::Limits& limits) { limits.publish_bytes_rate_max = 1000; });
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", std::string(3000, 'x'), qos1);
        publisher.forget();
        publisher.ping();
        CHECK(publisher.take() == "");
        broker.pass_time(std::chrono::milliseconds(2500));
        CHECK(publisher.take() == "pingresp");
        publisher.publish("a", std::string(3000, 'x'), qos1);
        publisher.drop();
        broker.pass_time(std::chrono::seconds(10));
        CHECK(count(broker, &core::Counters::connections) == 0);
    });
}

TEST_CASE("queue: at QoS 0 it is kept for who is away if asked for and goes first when full") {
    const auto options = with([](core::Limits& limits) {
        limits.queue_qos0 = true;
        limits.queued_messages_max = 4;
    });
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("#", qos1);
        reader.drop();
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "1", qos0);
        publisher.publish("a", "2", qos1);
        publisher.publish("a", "3", qos0);
        reader.connect(keeping(version));
        CHECK(reader.messages() == "a q0 '1' | a q1 '2' | a q0 '3'");
        reader.drop();
        for (int i = 0; i < 5; ++i) {
            publisher.publish("a", std::to_string(i), i < 3 ? qos0 : qos1);
        }
        reader.connect(keeping(version));
        CHECK(reader.messages() == "a q1 '3' | a q1 '4'");
        CHECK(count(broker, &core::Counters::dropped_queue_full) == 3);
        broker.world().check_invariants();
    });
}

TEST_CASE("queue: when it is full the oldest goes if that is the policy") {
    WorldOptions options = with([](core::Limits& limits) {
        limits.queued_messages_max = 3;
        limits.queue_full_policy = core::QueueFullPolicy::drop_oldest;
    });
    for (const bool keeps_records : {false, true}) {
        options.keeps_records = keeps_records;
        in_every_broker(options, [](BrokerFixture& broker, Version version) {
            FakeClient& reader = broker.connect("reader", keeping(version));
            reader.subscribe("#", qos1);
            reader.drop();
            reader.forget();
            FakeClient& publisher = broker.connect("publisher", {.version = version});
            for (int i = 0; i < 5; ++i) {
                publisher.publish("a", std::to_string(i), qos1);
            }
            reader.connect(keeping(version));
            CHECK(reader.messages() == "a q1 '2' | a q1 '3' | a q1 '4'");
            CHECK(count(broker, &core::Counters::dropped_queue_full) == 2);
            broker.world().check_invariants();
        });
    }
}

TEST_CASE(
    "maximum QoS: subscriptions are granted what their listener permits [v5 MQTT-3.2.2-9] [v5 "
    "MQTT-3.2.2-10]") {
    const auto options = with([](core::Limits& limits) { limits.listeners = {{.qos_max = qos1}}; });
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.client("a");
        client.connect({.version = version});
        client.subscribe("a", qos2);
        const std::string texts = client.take();
        CHECK(texts.ends_with("suback #1 1"));
        client.publish("a", "x", qos1);
        CHECK(client.messages() == "a q1 'x'");
        client.forget();
        client.publish("a", "x", qos2);  // [v5 MQTT-3.2.2-11]
        CHECK(client.take() == (version == v5 ? "disconnect 0x9B | closed" : "closed"));
    });
}

TEST_CASE("memory: while it is short nothing new is accepted and what is there is served") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        BrokerWorld& world = broker.world();
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a", qos1);
        FakeClient& away = broker.connect("away", keeping(version));
        away.subscribe("a", qos1);
        away.drop();
        reader.forget();
        const auto set_tight = [&](bool is_tight) {
            for (core::ShardIndex shard = 0; shard < world.shard_count(); ++shard) {
                world.shard(shard).set_memory_tight(is_tight);
            }
        };
        set_tight(true);
        FakeClient& newcomer = broker.client("newcomer");
        newcomer.connect({.version = version});
        CHECK(newcomer.take() ==
              (version == v5 ? "connack 0x97 | closed" : "connack 0x88 | closed"));
        reader.subscribe("b", qos1);
        CHECK(reader.take() == (version == v5 ? "suback #2 0x97" : "suback #2 0x80"));
        reader.retain("new", "x", qos1);
        reader.forget();
        reader.publish("a", "x", qos1);
        CHECK(reader.messages() == "a q1 'x'");
        CHECK(count(broker, &core::Counters::dropped_memory_full) == 1);
        CHECK(count(broker, &core::Counters::refused_memory_full) == 1);
        CHECK(count(broker, &core::Counters::dropped_retained_full) == 1);
        away.connect(keeping(version));  // it is known already
        set_tight(false);
        newcomer.connect({.version = version});
        CHECK(newcomer.take() == "connack 0");
    });
}
