// PUBLISH from one client to others, whatever the QoS.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::QoS;
using protocol::Version;

TEST_CASE(
    "publish: a message at QoS 0 reaches its subscribers unchanged [v3.1.1 MQTT-4.3.1-1] [v3.1.1 "
    "MQTT-3.3.4-1] [v5 MQTT-4.3.1-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& one = broker.connect("one", {.version = version});
        FakeClient& two = broker.connect("two", {.version = version});
        FakeClient& other = broker.connect("other", {.version = version});
        one.subscribe("a/b", qos0);
        two.subscribe("a/b", qos2);
        other.subscribe("a/c", qos0);
        for (FakeClient* client : {&one, &two, &other}) {
            client->forget();
        }
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a/b", "hello", qos0);
        CHECK(one.take() == "publish a/b q0 'hello'");
        CHECK(two.take() == "publish a/b q0 'hello'");
        CHECK(other.take() == "");
        CHECK(publisher.take() == "");
    });
}

TEST_CASE("publish: clients of all versions talk with each other") {
    in_every_broker(v3, [](BrokerFixture& broker) {
        FakeClient& old = broker.connect("old", {.version = v3_1});
        FakeClient& usual = broker.connect("usual", {.version = v3});
        FakeClient& fresh = broker.connect("fresh", {.version = v5});
        for (FakeClient* client : {&old, &usual, &fresh}) {
            client->subscribe("a", qos1);
        }
        for (FakeClient* client : {&old, &usual, &fresh}) {
            client->publish("a", client->client_id(), qos1);
        }
        for (FakeClient* client : {&old, &usual, &fresh}) {
            CHECK(client->messages() == "a q1 'old' | a q1 'usual' | a q1 'fresh'");
        }
    });
}

// What has no properties goes on as it came; a topic of four bytes is as long as its alias would
// be.
TEST_CASE("publish: at QoS 0 a client of any version reads what one of any other has sent") {
    const auto to_bytes = [](std::string_view text) {
        const protocol::Bytes bytes = protocol::as_bytes(text);
        return ByteVector(bytes.begin(), bytes.end());
    };
    const ByteVector alias_1 = to_bytes({"\x23\x00\x01", 3});
    const ByteVector user_property = to_bytes({"\x26\x00\x01k\x00\x01v", 7});
    in_every_broker(v3, [&](BrokerFixture& broker) {
        FakeClient& old = broker.connect("old", {.version = v3_1});
        FakeClient& usual = broker.connect("usual", {.version = v3});
        FakeClient& fresh = broker.connect("fresh", {.version = v5});
        const std::vector<FakeClient*> readers{&old, &usual, &fresh};
        for (FakeClient* reader : readers) {
            reader->subscribe("#", qos1);
        }
        const auto all_read = [&](const std::string& expected) {
            for (FakeClient* reader : readers) {
                CHECK(reader->messages() == expected);
            }
        };
        for (FakeClient* publisher : readers) {
            publisher->publish("abcd", publisher->client_id(), qos0);
            all_read("abcd q0 '" + publisher->client_id() + "'");
            publisher->publish("a", "", qos0);
            all_read("a q0 ''");
        }
        fresh.publish("abcd", "with alias", {.properties = alias_1});
        all_read("abcd q0 'with alias'");
        fresh.publish("", "alias alone", {.properties = alias_1});
        all_read("abcd q0 'alias alone'");
        fresh.publish("abcd", "with property", {.properties = user_property});
        all_read("abcd q0 'with property'");
        // A Remaining Length in two bytes where one does: 3.1.1 permits it.
        usual.send(
            to_bytes({"\x30\x85\x00\x00\x01"
                      "axy",
                      8}));
        all_read("a q0 'xy'");
    });
}

TEST_CASE("publish: who comes and goes between messages to one topic is heard of at once") {
    in_every_broker([](BrokerFixture& broker, protocol::Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        FakeClient& one = broker.connect("one", {.version = version});
        FakeClient& two = broker.connect("two", {.version = version});
        const auto heard = [&](const std::string& by_one, const std::string& by_two) {
            publisher.publish("a/b", "x", qos0);
            CHECK(one.messages() == by_one);
            CHECK(two.messages() == by_two);
        };
        heard("", "");
        one.subscribe("a/b", qos0);
        one.forget();
        heard("a/b q0 'x'", "");
        heard("a/b q0 'x'", "");
        two.subscribe("a/+", qos0);
        two.forget();
        heard("a/b q0 'x'", "a/b q0 'x'");
        one.unsubscribe({"a/b"});
        one.forget();
        heard("", "a/b q0 'x'");
        two.drop();
        heard("", "");
        one.subscribe("#", qos0);
        one.forget();
        heard("a/b q0 'x'", "");
    });
}

TEST_CASE("publish: the publisher gets its own message when it has subscribed") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe("#", qos2);
        client.forget();
        client.publish("x", "hello", qos2);
        CHECK(client.messages() == "x q2 'hello'");
    });
}

TEST_CASE(
    "publish: each message is delivered at the lower of its QoS and the granted one [v3.1.1 "
    "MQTT-3.8.4-6] [v5 MQTT-3.8.4-8]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        for (const QoS granted : {qos0, qos1, qos2}) {
            FakeClient& reader = broker.connect("reader", {.version = version});
            reader.subscribe("a", granted);
            reader.forget();
            FakeClient& publisher = broker.connect("publisher", {.version = version});
            for (const QoS qos : {qos0, qos1, qos2}) {
                publisher.publish("a", "x", qos);
                const unsigned lower = std::min(to_wire(qos), to_wire(granted));
                CHECK(reader.messages() == "a q" + std::to_string(lower) + " 'x'");
            }
        }
    });
}

TEST_CASE("publish: an empty payload is a message like any other") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe("a", qos1);
        client.forget();
        client.publish("a", "", qos0);
        client.publish("a", "", qos1);
        CHECK(client.messages() == "a q0 '' | a q1 ''");
    });
}

TEST_CASE("publish: large payloads arrive whole") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe("a", qos2);
        for (const std::size_t size :
             {127U, 128U, 1000U, 4095U, 4096U, 5000U, 16'384U, 70'000U, 1'000'000U}) {
            for (const QoS qos : {qos0, qos1, qos2}) {
                const std::string payload(size, static_cast<char>('a' + size % 26));
                client.forget();
                client.publish("a", payload, qos);
                bool found = false;
                for (const Packet& packet : client.take_packets()) {
                    found = found || (packet.type == protocol::PacketType::publish &&
                                      packet.qos == qos && packet.payload == payload);
                }
                CHECK(found);
            }
        }
        CHECK(broker.world().dropped() == 0);
    });
}

TEST_CASE(
    "publish: the DUP flag of a received message is not passed on [v3.1.1 MQTT-3.3.1-3] [v5 "
    "MQTT-3.3.1-3]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos2);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "x", PublishOptions{.qos = qos1, .dup = true});
        publisher.publish("a", "y", PublishOptions{.qos = qos2, .dup = true});
        CHECK(reader.take() == "publish #1 a q1 'x' | publish #2 a q2 'y' | pubrel #2");
    });
}

TEST_CASE("publish: what the broker says of itself is not for clients to write") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe("$SYS/#", qos1);
        client.forget();
        client.publish("$SYS/broker/uptime", "x", qos1);
        CHECK(client.take() == (version == v5 ? "puback #2 0x87" : "puback #2"));
        client.publish("$SYS/broker/uptime", "x", qos0);
        CHECK(client.take() == "");
        CHECK(broker.world().total(&core::Counters::publishes_refused) == 2);
        broker.world().shard(0).publish_from_broker("$SYS/broker/uptime", "1", true,
                                                    broker.world().now());
        broker.run();
        CHECK(client.take() == "publish $SYS/broker/uptime q0 '1'");
    });
}

TEST_CASE(
    "publish: a topic that is not permitted is acknowledged and goes nowhere [v3.1.1 "
    "MQTT-3.3.5-2]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.world().access.publish = [](const core::Identity&, std::string_view,
                                           std::string_view topic) { return topic != "no"; };
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe("#", qos2);
        client.forget();
        client.publish("no", "x", qos0);
        CHECK(client.take() == "");
        client.publish("no", "x", qos1);
        CHECK(client.take() == (version == v5 ? "puback #2 0x87" : "puback #2"));
        client.publish("no", "x", qos2);
        CHECK(client.take() == (version == v5 ? "pubrec #3 0x87" : "pubrec #3 | pubcomp #3"));
        client.publish("yes", "x", PublishOptions{.qos = qos2, .id = 3});
        CHECK(client.messages() == "yes q2 'x'");
        CHECK(broker.world().total(&core::Counters::publishes_refused) == 3);
        CHECK(broker.world().log.denied == std::vector<std::string>{"no", "no", "no"});
    });
}

TEST_CASE("publish: what a client may not read is not delivered to it") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.world().access.read = [](const core::Identity&, std::string_view client,
                                        std::string_view topic) {
            return client != "reader" || topic != "secret";
        };
        FakeClient& reader = broker.connect("reader", {.version = version});
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("secret", "old", qos1);
        reader.subscribe("#", qos1);
        publisher.publish("secret", "new", qos1);
        publisher.publish("open", "new", qos1);
        CHECK(reader.messages() == "open q1 'new'");
        CHECK(broker.world().total(&core::Counters::dropped_not_permitted) == 2);
    });
}

TEST_CASE("publish: a topic with too many levels closes the connection") {
    WorldOptions options;
    options.limits.topic_levels_max = 3;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.publish("a/b/c", "x", qos1);
        CHECK(client.take() == (version == v5 ? "puback #1 0x10" : "puback #1"));
        client.publish("a/b/c/d", "x", qos1);
        CHECK(client.take() == (version == v5 ? "disconnect 0x90 | closed" : "closed"));
    });
}

TEST_CASE("publish: a packet above the size limit closes the connection") {
    WorldOptions options;
    options.limits.packet_size_max = 1000;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        const std::size_t head = version == v5 ? 9 : 8;
        client.publish("a", std::string(1000 - head, 'x'), qos1);
        CHECK(client.take().starts_with("puback #1"));
        client.publish("a", std::string(1001 - head, 'x'), qos1);
        CHECK(client.take() == (version == v5 ? "disconnect 0x95 | closed" : "closed"));
    });
}

TEST_CASE("publish: counters tell what went through") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos0);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "12345", qos0);
        publisher.publish("b", "123", qos1);
        BrokerWorld& world = broker.world();
        CHECK(world.total(&core::Counters::publishes_received) == 2);
        CHECK(world.total(&core::Counters::publish_bytes_received) == 8);
        CHECK(world.total(&core::Counters::publishes_sent) == 1);
        CHECK(world.total(&core::Counters::publish_bytes_sent) == 5);
        CHECK(world.total(&core::Counters::packets_received) == 5);
        CHECK(world.total(&core::Counters::packets_sent) == 5);
        CHECK(world.total(&core::Counters::connections) == 2);
        CHECK(world.total(&core::Counters::subscriptions) == 1);
        CHECK(world.dropped() == 0);
    });
}
