// SUBSCRIBE and UNSUBSCRIBE: codes, filters, overlaps.
#include <doctest/doctest.h>

#include "protocol/topic.hpp"
#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::Version;

TEST_CASE("subscribe: what a client publishes to itself comes after the SUBACK") {
    for (const core::ShardIndex shards : {core::ShardIndex{1}, core::ShardIndex{3}}) {
        WorldOptions options;
        options.shards = shards;
        options.keeps_records = true;
        BrokerFixture broker(options);
        FakeClient& client = broker.connect("client", {.clean = false});
        client.forget();
        broker.held.all = true;
        client.subscribe("a", qos0);
        client.publish("a", "x", qos0);
        client.subscribe("b", qos0);
        client.publish("b", "y", qos0);
        broker.held.all = false;
        broker.run();
        CHECK(client.take() == "suback #1 0 | publish a q0 'x' | suback #2 0 | publish b q0 'y'");
    }
}

TEST_CASE(
    "subscribe: SUBACK has the identifier and one code for each filter in order [v3.1.1 "
    "MQTT-3.8.4-1] [v3.1.1 MQTT-3.8.4-2] [v3.1.1 MQTT-3.8.4-4] [v3.1.1 MQTT-3.8.4-5] [v3.1.1 "
    "MQTT-3.9.3-1] [v3.1.1 MQTT-2.3.1-7] [v5 MQTT-3.8.4-1] [v5 MQTT-3.8.4-2] [v5 MQTT-3.8.4-5] [v5 "
    "MQTT-3.8.4-6] [v5 MQTT-3.8.4-7] [v5 MQTT-3.9.3-1] [v5 MQTT-2.2.1-6]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe({{"a", qos2}, {"b", qos0}, {"a/#/b", qos1}, {"c", qos1}, {"d+", qos1}});
        CHECK(client.take() ==
              (version == v5 ? "suback #1 2 0 0x8F 1 0x8F" : "suback #1 2 0 0x80 1 0x80"));
        CHECK(broker.world().total(&core::Counters::subscriptions) == 3);
    });
}

TEST_CASE(
    "subscribe: filters match as the specification has it [v3.1.1 MQTT-4.7.1-2] [v3.1.1 "
    "MQTT-4.7.1-3] [v3.1.1 MQTT-4.7.2-1] [v3.1.1 MQTT-4.7.3-4] [v3.1.1 MQTT-3.3.2-3] [v5 "
    "MQTT-4.7.1-1] [v5 MQTT-4.7.1-2] [v5 MQTT-4.7.2-1] [v5 MQTT-4.7.3-4]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const std::vector<std::string> filters = {
            "#",     "+",    "+/+",   "/+", "/#",  "a",    "A",      "a/#",       "a/+",
            "a/+/#", "a/b",  "a/b/",  "//", "+/b", "$x/#", "$x/a",   "+/+/+",     "a//b",
            "a/+/b", "$x/+", "a/b/#", "/a", "a/",  "/",    "\u00e4", "+/\u00e4/#"};
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (const std::string& filter : filters) {
            broker.connect(filter, {.version = version}).subscribe(filter, qos0);
        }
        for (const std::string topic : {"a", "A", "b", "a/b", "a/b/", "/", "//", "/a", "a/", "$x",
                                        "$x/a", "$y/a", "a//b", "a/b/c", "\u00e4", "a/\u00e4/b"}) {
            std::size_t expected = 0;
            for (const std::string& filter : filters) {
                expected += protocol::matches(filter, topic) ? 1U : 0U;
            }
            const std::uint64_t before = broker.world().total(&core::Counters::publishes_sent);
            publisher.publish(topic, "x", qos0);
            CHECK(broker.world().total(&core::Counters::publishes_sent) - before == expected);
        }
    });
}

TEST_CASE(
    "subscribe: a client with overlapping subscriptions gets one message at the highest QoS "
    "[v3.1.1 MQTT-3.3.5-1] [v5 MQTT-3.3.4-2]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe({{"a/b", qos0}, {"a/+", qos2}, {"#", qos1}});
        FakeClient& single = broker.connect("single", {.version = version});
        single.subscribe("a/b", qos1);
        reader.forget();
        single.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a/b", "1", qos2);
        publisher.publish("a/b", "2", qos1);
        publisher.publish("a/b", "3", qos0);
        publisher.publish("c", "4", qos2);
        CHECK(reader.messages() == "a/b q2 '1' | a/b q1 '2' | a/b q0 '3' | c q1 '4'");
        CHECK(single.messages() == "a/b q1 '1' | a/b q1 '2' | a/b q0 '3'");
    });
}

TEST_CASE(
    "subscribe: the same filter again replaces the subscription [v3.1.1 MQTT-3.8.4-3] [v5 "
    "MQTT-3.8.4-3]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (const char* filter : {"a/b", "a/+"}) {
            for (const protocol::QoS qos : {qos2, qos0, qos1}) {
                reader.subscribe(filter, qos);
                reader.forget();
                publisher.publish("a/b", "x", qos2);
                CHECK(reader.messages() == "a/b q" + std::to_string(to_wire(qos)) + " 'x'");
                CHECK(broker.world().total(&core::Counters::subscriptions) == 1);
            }
            reader.unsubscribe({filter});
        }
    });
}

TEST_CASE("subscribe: the same filter twice in one packet is one subscription on the last terms") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe({{"a", qos2}, {"a", qos1}});
        CHECK(reader.take() == "suback #1 2 1");
        broker.connect("publisher", {.version = version}).publish("a", "x", qos2);
        CHECK(reader.messages() == "a q1 'x'");
    });
}

TEST_CASE(
    "unsubscribe: nothing more is delivered and UNSUBACK always comes [v3.1.1 MQTT-3.10.4-1] "
    "[v3.1.1 MQTT-3.10.4-2] [v3.1.1 MQTT-3.10.4-4] [v3.1.1 MQTT-3.10.4-5] [v3.1.1 MQTT-3.10.4-6] "
    "[v5 MQTT-3.10.4-1] [v5 MQTT-3.10.4-2] [v5 MQTT-3.10.4-4] [v5 MQTT-3.10.4-5] [v5 "
    "MQTT-3.10.4-6] [v5 MQTT-3.11.3-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe({{"a", qos1}, {"b/+", qos1}, {"c", qos1}});
        reader.forget();
        reader.unsubscribe({"a", "b", "b/+", "A", "b/#", "x/#/y"});
        CHECK(reader.take() ==
              (version == v5 ? "unsuback #2 0 0x11 0 0x11 0x11 0x8F" : "unsuback #2"));
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (const char* topic : {"a", "b/1", "c"}) {
            publisher.publish(topic, "x", qos1);
        }
        CHECK(reader.messages() == "c q1 'x'");
        CHECK(broker.world().total(&core::Counters::subscriptions) == 1);
    });
}

TEST_CASE("unsubscribe: one of overlapping subscriptions leaves the others") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe({{"a/b", qos2}, {"a/+", qos1}, {"#", qos0}});
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        const auto publish = [&] {
            reader.forget();
            publisher.publish("a/b", "x", qos2);
            return reader.messages();
        };
        CHECK(publish() == "a/b q2 'x'");
        reader.unsubscribe({"a/b"});
        CHECK(publish() == "a/b q1 'x'");
        reader.unsubscribe({"a/+"});
        CHECK(publish() == "a/b q0 'x'");
        reader.unsubscribe({"#"});
        CHECK(publish() == "");
    });
}

TEST_CASE(
    "unsubscribe: delivery that has begun is completed [v3.1.1 MQTT-3.10.4-3] [v5 MQTT-3.10.4-3]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const ConnectOptions connect{.version = version, .clean = false};
        FakeClient& reader = broker.connect("reader", connect);
        reader.auto_ack = false;
        reader.subscribe("a", qos2);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "1", qos1);
        publisher.publish("a", "2", qos2);
        reader.unsubscribe({"a"});
        reader.drop();
        reader.forget();
        reader.connect(connect);
        CHECK(reader.take() ==
              "connack 0 present | publish #1 a q1 dup '1' | "
              "publish #2 a q2 dup '2'");
        reader.puback(1);
        reader.pubrec(2);
        CHECK(reader.take() == "pubrel #2");
    });
}

TEST_CASE("subscribe: what is not permitted is refused in its own code") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.world().access.subscribe = [](const core::Identity&, std::string_view,
                                             std::string_view filter) { return filter != "no"; };
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe({{"no", qos1}, {"yes", qos1}, {"$share/g/no", qos1}});
        CHECK(client.take() == (version == v5 ? "suback #1 0x87 1 0x87" : "suback #1 0x80 1 0x80"));
        client.publish("no", "x", qos0);
        CHECK(client.take() == "");
    });
}

TEST_CASE("subscribe: a limit on the number of subscriptions is kept") {
    WorldOptions options;
    options.limits.subscriptions_per_client_max = 2;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe({{"a", qos1}, {"$share/g/b", qos1}, {"c", qos1}, {"a", qos2}});
        CHECK(client.take() == (version == v5 ? "suback #1 1 1 0x97 2" : "suback #1 1 1 0x80 2"));
        client.unsubscribe({"$share/g/b"});
        client.forget();
        client.subscribe("c", qos1);
        CHECK(client.take() == "suback #3 1");
    });
}

TEST_CASE("subscribe: filters with too many levels are refused") {
    WorldOptions options;
    options.limits.topic_levels_max = 3;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        client.subscribe({{"a/b/c", qos1}, {"a/b/c/#", qos1}, {"$share/g/a/b/c/d", qos0}});
        CHECK(client.take() == (version == v5 ? "suback #1 1 0x8F 0x8F" : "suback #1 1 0x80 0x80"));
    });
}

TEST_CASE("subscribe: SUBACK and UNSUBACK of a persistent session wait for the store") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version, .clean = false});
        FakeClient& clean = broker.connect("b", {.version = version});
        broker.held.store = true;
        client.subscribe("a", qos1);
        client.unsubscribe({"a"});
        client.ping();
        CHECK(client.take() == "pingresp");
        clean.subscribe("a", qos1);
        CHECK(clean.take() == "suback #1 1");
        broker.held.store = false;
        broker.run();
        CHECK(client.take() ==
              (version == v5 ? "suback #1 1 | unsuback #2 0" : "suback #1 1 | unsuback #2"));
    });
}

TEST_CASE("subscribe: many clients on one filter and many filters of one client") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        std::vector<FakeClient*> clients;
        for (int i = 0; i < 40; ++i) {
            clients.push_back(&broker.connect("c" + std::to_string(i), {.version = version}));
            clients.back()->subscribe("all", qos1);
            for (int k = 0; k < 10; ++k) {
                clients.back()->subscribe("own/" + std::to_string(i) + "/" + std::to_string(k),
                                          qos0);
            }
        }
        for (std::size_t i = 0; i < clients.size(); i += 2) {
            clients[i]->unsubscribe({"all"});
            const std::string own = "own/" + std::to_string(i) + "/5";
            clients[i]->unsubscribe({own});
        }
        for (FakeClient* client : clients) {
            client->forget();
        }
        clients[0]->publish("all", "x", qos1);
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const std::string own = "own/" + std::to_string(i) + "/5";
            clients[0]->publish(own, "y", qos0);
            CHECK(clients[i]->messages() == (i % 2 == 0 ? "" : "all q1 'x' | " + own + " q0 'y'"));
        }
    });
}
