// What outlives the broker's process, and what a session finds when it comes back after a crash.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using namespace std::chrono_literals;
using protocol::Version;

namespace {

ConnectOptions keeping(Version version) {
    return {.version = version, .clean = false};
}

WorldOptions with_store() {
    WorldOptions options;
    options.keeps_records = true;
    return options;
}

// The process ends and starts again; what clients had not read is lost.
void crash(BrokerFixture& broker, core::ShardIndex shards) {
    broker.world().crash(shards);
    broker.run();
}

void in_every_restart(const std::function<void(BrokerFixture&, Version, core::ShardIndex)>& test) {
    for (const core::ShardIndex shards_afterwards : {core::ShardIndex{1}, core::ShardIndex{3}}) {
        in_every_broker(with_store(), [&](BrokerFixture& broker, Version version) {
            INFO("shards afterwards: ", shards_afterwards);
            test(broker, version, shards_afterwards);
        });
    }
}

}  // namespace

TEST_CASE("restart: subscriptions and what was queued are there in order") {
    in_every_restart([](BrokerFixture& broker, Version version, core::ShardIndex shards) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a/+", qos1);
        reader.drop();
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a/1", "one", qos1);
        publisher.publish("a/2", "two", qos2);
        publisher.publish("a/3", "zero", qos0);
        crash(broker, shards);
        reader.connect(keeping(version));
        CHECK(reader.messages() == "a/1 q1 'one' | a/2 q1 'two'");
        broker.connect("another", {.version = version}).publish("a/4", "live", qos1);
        CHECK(reader.messages() == "a/4 q1 'live'");
        CHECK(broker.world().dropped() == 0);
    });
}

TEST_CASE(
    "restart: what was in flight comes again with its Packet Identifier and DUP [v3.1.1 "
    "MQTT-4.4.0-1] [v5 MQTT-4.4.0-1]") {
    in_every_restart([](BrokerFixture& broker, Version version, core::ShardIndex shards) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a", qos2);
        reader.auto_ack = false;
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "1", qos1);
        publisher.publish("a", "2", qos2);
        publisher.publish("a", "3", qos2);
        reader.forget();
        reader.pubrec(2);
        CHECK(reader.take() == "pubrel #2");
        crash(broker, shards);
        reader.connect(keeping(version));
        CHECK(reader.take() ==
              "connack 0 present | publish #1 a q1 dup '1' | pubrel #2 | publish #3 a q2 dup '3'");
    });
}

TEST_CASE("restart: a PUBLISH at QoS 2 that was answered is not taken twice [v5 MQTT-4.3.3-10]") {
    in_every_restart([](BrokerFixture& broker, Version version, core::ShardIndex shards) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("a", qos2);
        FakeClient& publisher = broker.connect("publisher", keeping(version));
        publisher.auto_ack = false;
        const std::uint16_t id = publisher.publish("a", "once", qos2);
        CHECK(reader.messages() == "a q2 'once'");
        crash(broker, shards);
        reader.connect(keeping(version));
        publisher.connect(keeping(version));
        publisher.forget();
        publisher.publish("a", "once", PublishOptions{.qos = qos2, .dup = true, .id = id});
        CHECK(publisher.take() == "pubrec #" + std::to_string(id));
        CHECK(reader.messages().empty());
    });
}

TEST_CASE("restart: retained messages are there and those that were deleted are not") {
    in_every_restart([](BrokerFixture& broker, Version version, core::ShardIndex shards) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("a", "old", qos1);
        publisher.retain("a", "new", qos1);
        publisher.retain("b", "gone", qos1);
        publisher.retain("b", "", qos1);
        crash(broker, shards);
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("#", qos0);
        CHECK(reader.messages() == "a q0 retain 'new'");
    });
}

TEST_CASE("restart: sessions expire while the broker is down [v5 MQTT-3.1.2-23]") {
    in_every_broker(v5, with_store(), [](BrokerFixture& broker) {
        const ConnectOptions minute{.version = v5, .clean = false, .session_expiry_s = 60};
        FakeClient& client = broker.connect("a", minute);
        client.drop();
        broker.pass_time(50s);
        broker.world().pass_time(5s);
        crash(broker, 2);
        client.forget();
        client.connect(minute);
        CHECK(client.take() == "connack 0 present");
        client.drop();
        broker.run();
        broker.world().pass_time(61s);
        crash(broker, 1);
        client.forget();
        client.connect(minute);
        CHECK(client.take() == "connack 0");
    });
}

TEST_CASE("restart: a will that waits is published in its time") {
    in_every_broker(v5, with_store(), [](BrokerFixture& broker) {
        WillOptions will{"will", "gone", qos1};
        will.properties = {std::byte{0x18}, std::byte{0}, std::byte{0}, std::byte{0},
                           std::byte{30}};  // Will Delay Interval
        ConnectOptions options{.version = v5, .clean = false, .will = will};
        broker.connect("a", options);
        crash(broker, 2);
        FakeClient& reader = broker.connect("reader", {.version = v5});
        reader.subscribe("will", qos1);
        broker.pass_time(25s);
        CHECK(reader.messages().empty());
        broker.pass_time(10s);
        CHECK(reader.messages() == "will q1 'gone'");
    });
}

TEST_CASE("restart: QoS 2 for sessions of several shards is stored by all of them or by none") {
    WorldOptions options = with_store();
    options.shards = 2;
    BrokerFixture broker(options);
    FakeClient& first = broker.connect(broker.client_id_on(0, "r"), keeping(v3));
    FakeClient& second = broker.connect(broker.client_id_on(1, "r"), keeping(v3));
    FakeClient& publisher = broker.connect(broker.client_id_on(0, "p"), keeping(v3));
    for (FakeClient* reader : {&first, &second}) {
        reader->subscribe("a", qos2);
        reader->drop();
        reader->forget();
    }
    // One of the stores commits, the other does not come to it.
    broker.held.store = true;
    publisher.publish("a", "x", PublishOptions{.qos = qos2, .id = 7});
    broker.world().complete_store(0);
    broker.world().complete_store(0);
    CHECK(publisher.take() == "");
    broker.held.store = false;
    crash(broker, 2);
    publisher.connect(keeping(v3));
    publisher.publish("a", "x", PublishOptions{.qos = qos2, .dup = true, .id = 7});
    for (FakeClient* reader : {&first, &second}) {
        reader->connect(keeping(v3));
        CHECK(reader->messages() == "a q2 'x'");
    }
}
