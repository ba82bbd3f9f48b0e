// Topic Aliases that the broker chooses for what it sends.
#include <doctest/doctest.h>

#include "server/core/sent_aliases.hpp"
#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using core::SentAliases;

namespace {

// Chooses and sends.
SentAliases::Choice use(SentAliases& aliases, std::string_view topic, std::uint32_t hash) {
    const SentAliases::Choice choice = aliases.choose(topic, hash);
    if (choice.alias != 0 && !choice.is_known) {
        aliases.set_up(choice.alias, topic, hash);
    }
    return choice;
}

}  // namespace

TEST_CASE("sent aliases: a topic seen for the second time gets one and from then on it is known") {
    SentAliases aliases(4);
    CHECK(use(aliases, "some/topic", 5).alias == 0);
    const auto second = use(aliases, "some/topic", 5);
    CHECK(second.alias == 2);
    CHECK(!second.is_known);
    const auto third = use(aliases, "some/topic", 5);
    CHECK(third.alias == 2);
    CHECK(third.is_known);
}

TEST_CASE("sent aliases: topics with the same hash are told apart") {
    SentAliases aliases(4);
    use(aliases, "topic/one", 5);
    use(aliases, "topic/one", 5);
    CHECK(!use(aliases, "topic/two", 5).is_known);
    CHECK(use(aliases, "topic/one", 5).is_known);
}

TEST_CASE("sent aliases: what saves nothing and what is too long to keep gets none") {
    SentAliases aliases(4);
    const std::string too_long(SentAliases::topic_bytes_max + 1, 'x');
    for (int i = 0; i < 3; ++i) {
        CHECK(use(aliases, "abc", 1).alias == 0);
        CHECK(use(aliases, too_long, 2).alias == 0);
    }
}

TEST_CASE("sent aliases: one that was not sent is not known") {
    SentAliases aliases(1);
    use(aliases, "some/topic", 5);
    CHECK(aliases.choose("some/topic", 5).alias == 1);
    CHECK(!aliases.choose("some/topic", 5).is_known);
}

TEST_CASE("sent aliases: more topics in turn than there are aliases do not drive each other out") {
    SentAliases aliases(2);
    std::size_t set_up = 0;
    std::size_t known = 0;
    for (int round = 0; round < 100; ++round) {
        for (const std::string topic : {"topic/0", "topic/1", "topic/2"}) {
            const auto choice = use(aliases, topic, static_cast<std::uint32_t>(topic.back()));
            set_up += choice.alias != 0 && !choice.is_known ? 1 : 0;
            known += choice.is_known ? 1 : 0;
        }
    }
    CHECK(set_up == 2);
    CHECK(known > 190);
}

TEST_CASE("sent aliases: a topic that has become rare makes room") {
    SentAliases aliases(1);
    for (int i = 0; i < 100; ++i) {
        use(aliases, "yesterday", 1);
    }
    std::size_t known = 0;
    for (int i = 0; i < 100; ++i) {
        known += use(aliases, "today", 2).is_known ? 1 : 0;
    }
    CHECK(known > 75);
}

TEST_CASE(
    "topic alias: a client that permits them gets one for a topic that comes again [v5 "
    "MQTT-3.1.2-26]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& reader = broker.connect("reader", {.version = v5, .topic_alias_maximum = 1});
        reader.subscribe("#", qos1);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher");
        for (const char* payload : {"1", "2", "3"}) {
            publisher.publish("some/topic", payload, qos0);
        }
        CHECK(reader.take() ==
              "publish some/topic q0 '1' | publish some/topic q0 '2' alias=1 | "
              "publish some/topic q0 '3' by-alias=1");
        publisher.publish("another/topic", "4", qos0);
        publisher.publish("some/topic", "5", qos1);
        CHECK(reader.take() ==
              "publish another/topic q0 '4' | publish #1 some/topic q1 '5' by-alias=1");
    });
}

TEST_CASE("topic alias: the bytes of a PUBLISH that sets one up and of one by alias") {
    BrokerFixture broker;
    FakeClient& reader = broker.connect("reader", {.version = v5, .topic_alias_maximum = 1});
    reader.subscribe("#", {.identifier = 7});
    FakeClient& publisher = broker.connect("publisher");
    publisher.publish("a/bc", "x", qos0);
    reader.forget();
    reader.keeps_unread = true;
    publisher.publish("a/bc", "x", qos0);
    publisher.publish("a/bc", "y", qos0);
    CHECK(broker.world().wire(reader.wire_index()).delivered ==
          bytes_of("30 0D 00 04 'a/bc' 05 23 00 01 0B 07 'x' 30 09 00 00 05 23 00 01 0B 07 'y'"));
}

TEST_CASE("topic alias: a client that asks for none gets none [v5 MQTT-3.1.2-27]") {
    in_every_broker([](BrokerFixture& broker, protocol::Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("#", qos0);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher");
        for (int i = 0; i < 3; ++i) {
            publisher.publish("some/topic", "x", qos0);
        }
        CHECK(reader.take() ==
              "publish some/topic q0 'x' | publish some/topic q0 'x' | publish some/topic q0 'x'");
    });
}

TEST_CASE("topic alias: the operator's maximum holds too") {
    WorldOptions options;
    options.limits.sent_topic_aliases_max = 0;
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        FakeClient& reader = broker.connect("reader", {.version = v5, .topic_alias_maximum = 9});
        reader.subscribe("#", qos0);
        reader.forget();
        for (int i = 0; i < 2; ++i) {
            reader.publish("some/topic", "x", qos0);
        }
        CHECK(reader.take() == "publish some/topic q0 'x' | publish some/topic q0 'x'");
    });
}

TEST_CASE("topic alias: none outlives its connection even for what is sent again") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        const ConnectOptions options{.version = v5, .clean = false, .topic_alias_maximum = 3};
        FakeClient& reader = broker.connect("reader", options);
        reader.subscribe("#", qos1);
        reader.forget();
        reader.auto_ack = false;
        FakeClient& publisher = broker.connect("publisher");
        for (const char* payload : {"1", "2", "3"}) {
            publisher.publish("some/topic", payload, qos1);
        }
        CHECK(reader.take().find("by-alias=") != std::string::npos);
        reader.drop();
        reader.connect(options);
        // The client's own table is new, so an alias of before would be an error.
        CHECK(
            reader.take().starts_with("connack 0 present | publish #1 some/topic q1 dup '1' | "
                                      "publish #2 some/topic q1 dup '2' alias="));
        reader.drop();
        reader.connect({.version = v5, .clean = false});
        CHECK(reader.take() ==
              "connack 0 present | publish #1 some/topic q1 dup '1' | publish #2 some/topic q1 dup "
              "'2' | publish #3 some/topic q1 dup '3'");
    });
}

TEST_CASE("topic alias: the client's Maximum Packet Size is that of what is really sent") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        // PUBLISH of this topic with 10 bytes: 2 + 2 + 10 + 1 + 10 = 25 bytes.
        FakeClient& reader = broker.connect(
            "reader", {.version = v5, .maximum_packet_size = 25, .topic_alias_maximum = 1});
        reader.subscribe("#", qos0);
        reader.forget();
        FakeClient& publisher = broker.connect("publisher");
        publisher.publish("some/topic", "0123456789", qos0);
        publisher.publish("some/topic", "1123456789", qos0);  // there is no room for the alias
        CHECK(reader.take() ==
              "publish some/topic q0 '0123456789' | publish some/topic q0 '1123456789'");
        publisher.publish("some/topic", "2", qos0);
        publisher.publish("some/topic", "34567890123456789", qos0);  // 2 + 2 + 4 + 17
        CHECK(reader.take() ==
              "publish some/topic q0 '2' alias=1 | publish some/topic q0 '34567890123456789' "
              "by-alias=1");
        publisher.publish("some/topic", "345678901234567890", qos0);
        CHECK(reader.take() == "");
        CHECK(broker.world().total(&core::Counters::dropped_too_large) == 1);
    });
}
