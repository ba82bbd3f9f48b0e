// Keep Alive: silence ends a connection, anything that arrives keeps it.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using namespace std::chrono_literals;
using protocol::Version;

TEST_CASE(
    "keep alive: silence past 1.5 intervals closes the connection [v3.1.1 MQTT-3.1.2-24] [v5 "
    "MQTT-3.1.2-22]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version, .keep_alive_s = 10});
        broker.pass_time(14'900ms);
        CHECK(client.take() == "");
        broker.pass_time(200ms);
        CHECK(client.take() == (version == v5 ? "disconnect 0x8D | closed" : "closed"));
        CHECK(broker.world().total(&core::Counters::keep_alive_timeouts) == 1);
    });
}

TEST_CASE("keep alive: any packet starts the interval anew") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version, .keep_alive_s = 10});
        broker.pass_time(14s);
        client.ping();
        broker.pass_time(14s);
        client.publish("a", "x", qos0);
        broker.pass_time(14s);
        CHECK(client.take() == "pingresp");
        broker.pass_time(2s);
        CHECK(client.is_closed());
    });
}

TEST_CASE(
    "keep alive: bytes that make no whole packet do not keep a connection [v3.1.1 MQTT-3.1.2-24] "
    "[v5 MQTT-3.1.2-22]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version, .keep_alive_s = 10});
        client.send({std::byte{0x30}, std::byte{0x7F}, std::byte{0x00}, std::byte{0x7D}});
        for (int i = 0; i < 16 && !client.is_closed(); ++i) {
            broker.pass_time(1s);
            client.send({std::byte{'x'}});
        }
        CHECK(client.is_closed());
    });
}

TEST_CASE("keep alive: zero switches it off") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version, .keep_alive_s = 0});
        broker.pass_time(100h);
        CHECK(client.take() == "");
    });
}

TEST_CASE("keep alive: its end is as if the network had failed [v3.1.1 MQTT-3.1.2-24]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("will", qos0);
        reader.forget();
        broker.connect(
            "a", {.version = version, .keep_alive_s = 1, .will = WillOptions{"will", "gone"}});
        broker.pass_time(2s);
        CHECK(reader.messages() == "will q0 'gone'");
    });
}

TEST_CASE("keep alive: the server's own value counts once it was told [v5 MQTT-3.1.2-21]") {
    WorldOptions options;
    options.limits.keep_alive_max_s = 10;
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        FakeClient& client = broker.connect("a", {.version = v5, .keep_alive_s = 0});
        broker.pass_time(16s);
        CHECK(client.take() == "disconnect 0x8D | closed");
    });
}

TEST_CASE("keep alive: a client is not blamed for bytes that the broker does not read") {
    WorldOptions options;
    options.limits.receive_maximum = 1;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.subscribe("a", qos1);
        FakeClient& client = broker.connect("a", {.version = version, .keep_alive_s = 1});
        broker.held.store = true;
        client.publish("a", "x", qos1);
        client.ping();
        broker.pass_time(10s);
        client.ping();
        CHECK(client.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(client.take() == "puback #1 | pingresp | pingresp");
        broker.pass_time(2s);
        CHECK(client.is_closed());
    });
}
