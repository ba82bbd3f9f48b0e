// Retained messages: kept, replaced, deleted, and told to new subscriptions.
#include <doctest/doctest.h>

#include <set>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::PacketType;
using protocol::Version;

namespace {

std::string number(int i) {
    return std::to_string(10'000 + i);
}

// What the client has of each topic, the last one counting; and how many messages in all.
struct Heard {
    std::map<std::string, std::string> last;
    std::size_t count = 0;
    std::size_t retained = 0;
};

Heard hear(FakeClient& client) {
    Heard heard;
    for (const Packet& packet : client.take_packets()) {
        if (packet.type == PacketType::publish) {
            heard.last[packet.topic] = packet.payload;
            ++heard.count;
            heard.retained += packet.retain ? 1U : 0U;
        }
    }
    return heard;
}

}  // namespace

TEST_CASE(
    "retained: a new subscription gets the last message of each topic with RETAIN set [v3.1.1 "
    "MQTT-3.3.1-5] [v3.1.1 MQTT-3.3.1-6] [v3.1.1 MQTT-3.3.1-8] [v5 MQTT-3.3.1-5] [v5 "
    "MQTT-3.3.1-9]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("a/1", "old", qos1);
        publisher.retain("a/1", "new", qos2);
        publisher.retain("a/2", "zero", qos0);
        publisher.retain("b", "other", qos1);
        publisher.publish("a/3", "not retained", qos1);
        FakeClient& exact = broker.connect("exact", {.version = version});
        exact.subscribe("a/1", qos1);
        CHECK(exact.messages() == "a/1 q1 retain 'new'");
        FakeClient& wild = broker.connect("wild", {.version = version});
        wild.subscribe("a/+", qos2);
        CHECK(hear(wild).last ==
              std::map<std::string, std::string>{{"a/1", "new"}, {"a/2", "zero"}});
        CHECK(broker.world().total(&core::Counters::retained_messages) == 3);
    });
}

TEST_CASE(
    "retained: the QoS kept and the one granted decide together [v3.1.1 MQTT-3.8.4-6] [v5 "
    "MQTT-3.8.4-8]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (const protocol::QoS kept : {qos0, qos1, qos2}) {
            publisher.retain("a", "x", kept);
            for (const protocol::QoS granted : {qos0, qos1, qos2}) {
                FakeClient& reader = broker.connect("reader", {.version = version});
                reader.subscribe("a", granted);
                const unsigned lower = std::min(to_wire(kept), to_wire(granted));
                CHECK(reader.messages() == "a q" + std::to_string(lower) + " retain 'x'");
            }
        }
    });
}

TEST_CASE(
    "retained: established subscriptions get it with RETAIN clear [v3.1.1 MQTT-3.3.1-9] [v5 "
    "MQTT-3.3.1-12]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos1);
        broker.connect("publisher", {.version = version}).retain("a", "x", qos1);
        CHECK(reader.messages() == "a q1 'x'");
    });
}

TEST_CASE(
    "retained: an empty payload deletes and is itself delivered but not kept [v3.1.1 "
    "MQTT-3.3.1-10] [v3.1.1 MQTT-3.3.1-11] [v5 MQTT-3.3.1-6] [v5 MQTT-3.3.1-7]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("a", "x", qos1);
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos1);
        reader.forget();
        publisher.retain("a", "", qos1);
        CHECK(reader.messages() == "a q1 ''");
        publisher.retain("never", "", qos1);
        FakeClient& late = broker.connect("late", {.version = version});
        late.subscribe("#", qos1);
        CHECK(late.messages() == "");
        CHECK(broker.world().total(&core::Counters::retained_messages) == 0);
        CHECK(broker.world().total(&core::Counters::retained_bytes) == 0);
    });
}

TEST_CASE(
    "retained: a message without RETAIN does not touch the one kept [v3.1.1 MQTT-3.3.1-12] [v5 "
    "MQTT-3.3.1-8]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("a", "kept", qos1);
        publisher.publish("a", "passing", qos1);
        publisher.publish("a", "", qos1);
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos1);
        CHECK(reader.messages() == "a q1 retain 'kept'");
    });
}

TEST_CASE("retained: a QoS 0 message replaces the one kept [v3.1.1 MQTT-3.3.1-7]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("a", "one", qos2);
        publisher.retain("a", "zero", qos0);
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos2);
        CHECK(reader.messages() == "a q0 retain 'zero'");
    });
}

TEST_CASE("retained: subscribing again repeats them [v3.1.1 MQTT-3.8.4-3] [v5 MQTT-3.8.4-4]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.connect("publisher", {.version = version}).retain("a", "x", qos1);
        FakeClient& reader = broker.connect("reader", {.version = version});
        for (const char* filter : {"a", "a", "+", "#", "#"}) {
            reader.subscribe(filter, qos1);
            CHECK(reader.messages() == "a q1 retain 'x'");
        }
    });
}

TEST_CASE("retained: they outlive the session of their publisher [v3.1.1 MQTT-3.1.2-7]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("a", "x", qos1);
        publisher.drop();
        broker.connect("publisher", {.version = version, .clean = true});
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("a", qos1);
        CHECK(reader.messages() == "a q1 retain 'x'");
    });
}

TEST_CASE(
    "retained: topics beginning with $ are not for leading wildcards [v3.1.1 MQTT-4.7.2-1] [v5 "
    "MQTT-4.7.2-1]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("$x/a", "x", qos1);
        FakeClient& reader = broker.connect("reader", {.version = version});
        for (const char* filter : {"#", "+/a", "+/#"}) {
            reader.subscribe(filter, qos1);
            CHECK(reader.messages() == "");
        }
        reader.subscribe("$x/#", qos1);
        CHECK(reader.messages() == "$x/a q1 retain 'x'");
    });
}

TEST_CASE("retained: thousands of them reach a slow reader in slices and none is lost") {
    WorldOptions options;
    options.limits.write_limit_bytes = 4000;
    options.limits.queued_messages_max = 200;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        constexpr int count = 3000;
        for (int i = 0; i < count; ++i) {
            publisher.retain("t/" + number(i % 50) + "/" + number(i), number(i),
                             static_cast<protocol::QoS>(i % 3));
        }
        for (const protocol::QoS qos : {qos0, qos1, qos2}) {
            FakeClient& reader = broker.connect("reader", {.version = version});
            reader.set_room(500);
            reader.subscribe("t/#", qos);
            const Heard heard = hear(reader);
            CHECK(heard.last.size() == count);
            CHECK(heard.count == count);
            CHECK(heard.retained == count);
        }
        CHECK(broker.world().dropped() == 0);
    });
}

TEST_CASE("retained: a stream holds no more than some slices while its reader hangs") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (int i = 0; i < 2000; ++i) {
            publisher.retain("t/" + number(i), std::string(2000, 'x'), qos1);
        }
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.auto_ack = false;
        reader.set_room(0);
        reader.subscribe("t/+", qos1);
        broker.run();
        CHECK(broker.world().total(&core::Counters::queued_messages) <=
              core::retained_slice_messages);
        reader.auto_ack = true;
        reader.set_room(unlimited);
        broker.run();
        CHECK(hear(reader).last.size() == 2000);
    });
}

TEST_CASE("retained: live news of a topic wins over what a slice still has for it") {
    WorldOptions options;
    options.limits.inflight_max = 1;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (int i = 0; i < 500; ++i) {
            publisher.retain("t/" + number(i), "old", qos1);
        }
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.auto_ack = false;  // the stream stands still after one message
        reader.subscribe("t/#", qos1);
        publisher.retain("t/" + number(499), "new", qos1);
        publisher.retain("t/" + number(0), "new", qos1);
        publisher.retain("t/" + number(250), "", qos1);
        reader.auto_ack = true;
        reader.puback(1);
        const Heard heard = hear(reader);
        CHECK(heard.last.size() == 500);
        CHECK(heard.last.at("t/" + number(499)) == "new");
        CHECK(heard.last.at("t/" + number(0)) == "new");
        CHECK(heard.last.at("t/" + number(250)) == "");
        CHECK(heard.last.at("t/" + number(1)) == "old");
    });
}

TEST_CASE("retained: live news wins also for a subscription that keeps RETAIN as published") {
    WorldOptions options;
    options.limits.inflight_max = 1;
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        FakeClient& publisher = broker.connect("publisher", {.version = v5});
        for (int i = 0; i < 300; ++i) {
            publisher.retain("t/" + number(i), "old", qos1);
        }
        FakeClient& reader = broker.connect("reader", {.version = v5});
        reader.auto_ack = false;
        reader.subscribe("t/#", SubscribeOptions{{.qos = qos1, .retain_as_published = true}});
        for (int i = 0; i < 300; ++i) {
            publisher.retain("t/" + number(i), "new", qos1);
        }
        reader.auto_ack = true;
        reader.puback(1);
        for (const auto& [topic, payload] : hear(reader).last) {
            CHECK(payload == "new");
        }
    });
}

TEST_CASE(
    "retained: messages that change while a stream is under way are seen old or new but once at "
    "least") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (int i = 0; i < 1000; ++i) {
            publisher.retain("t/" + number(i), "old", qos1);
        }
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.set_room(100);
        broker.held.all = true;
        reader.subscribe("t/#", qos1);
        for (int i = 0; i < 1000; i += 3) {
            publisher.retain("t/" + number(i), i % 2 == 0 ? "" : "new", qos1);
        }
        broker.held.all = false;
        broker.run();
        const Heard heard = hear(reader);
        for (int i = 0; i < 1000; ++i) {
            const std::string expected = i % 3 != 0 ? "old" : i % 2 == 0 ? "" : "new";
            const auto found = heard.last.find("t/" + number(i));
            if (found != heard.last.end()) {
                CHECK(found->second == expected);
            } else {
                CHECK(expected == "");
            }
        }
    });
}

TEST_CASE(
    "retained: a stream ends with its subscription [v3.1.1 MQTT-3.10.4-2] [v5 MQTT-3.10.4-2]") {
    WorldOptions options;
    options.limits.inflight_max = 1;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (int i = 0; i < 500; ++i) {
            publisher.retain("t/" + number(i), "x", qos1);
        }
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.auto_ack = false;
        reader.subscribe("t/#", qos1);
        reader.unsubscribe({"t/#"});
        reader.auto_ack = true;
        reader.puback(1);
        // What was handed over may still come, but nothing is added to it.
        CHECK(hear(reader).count <= core::retained_slice_messages + 1);
        CHECK(broker.world().total(&core::Counters::queued_messages) == 0);
    });
}

TEST_CASE("retained: a stream ends with its session and goes on after a reconnect") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (int i = 0; i < 1000; ++i) {
            publisher.retain("t/" + number(i), "x", qos1);
        }
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.set_room(0);
        reader.subscribe("t/#", qos1);
        reader.drop();
        CHECK(broker.world().total(&core::Counters::sessions) == 1);

        const ConnectOptions connect{.version = version, .clean = false};
        FakeClient& keeper = broker.connect("keeper", connect);
        keeper.set_room(0);
        keeper.subscribe("t/#", qos1);
        keeper.drop();
        keeper.connect(connect);
        CHECK(hear(keeper).last.size() == 1000);
    });
}

TEST_CASE("retained: limits on their number and bytes are kept and every refusal is counted") {
    WorldOptions options;
    options.limits.retained_messages_max = 3;
    in_every_broker(v3, options, [](BrokerFixture& broker) {
        FakeClient& publisher = broker.connect("publisher");
        for (int i = 0; i < 50; ++i) {
            publisher.retain("t/" + number(i), "x", qos1);
        }
        const std::uint64_t kept = broker.world().total(&core::Counters::retained_messages);
        CHECK(kept <= 3U * broker.world().shard_count());
        CHECK(broker.world().total(&core::Counters::dropped_retained_full) == 50 - kept);
        FakeClient& reader = broker.connect("reader");
        reader.subscribe("#", qos0);
        const Heard before = hear(reader);
        CHECK(before.count == kept);
        const std::string topic = before.last.begin()->first;
        publisher.retain(topic, "replaced", qos1);
        CHECK(reader.messages() == topic + " q0 'replaced'");
        reader.subscribe(topic, qos0);
        CHECK(reader.messages() == topic + " q0 retain 'replaced'");
    });
}

TEST_CASE("retained: replacing one does not count its old bytes against the limit") {
    WorldOptions options;
    options.limits.retained_bytes_max = 2000;
    in_every_broker(v3, options, [](BrokerFixture& broker) {
        FakeClient& publisher = broker.connect("publisher");
        publisher.retain("a", std::string(1500, '1'), qos1);
        publisher.retain("a", std::string(1500, '2'), qos1);
        CHECK(broker.world().total(&core::Counters::dropped_retained_full) == 0);
        FakeClient& reader = broker.connect("reader");
        reader.subscribe("a", qos0);
        CHECK(hear(reader).last["a"] == std::string(1500, '2'));
    });
}

TEST_CASE(
    "retained: a new one that does not fit leaves no older one of its topic behind [v3.1.1 "
    "MQTT-3.3.1-7]") {
    WorldOptions options;
    options.limits.retained_bytes_max = 2000;
    in_every_broker(v3, options, [](BrokerFixture& broker) {
        FakeClient& publisher = broker.connect("publisher");
        publisher.retain("a", "old", qos0);
        publisher.retain("a", std::string(5000, 'x'), qos0);
        CHECK(broker.world().total(&core::Counters::dropped_retained_full) == 1);
        FakeClient& reader = broker.connect("reader");
        reader.subscribe("a", qos0);
        CHECK(reader.messages() == "");
    });
}

TEST_CASE("retained: they can be switched off [v5 MQTT-3.2.2-14]") {
    WorldOptions options;
    options.limits.retain_available = false;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.retain("a", "x", qos1);
        CHECK(publisher.take() == (version == v5 ? "disconnect 0x9A | closed" : "closed"));
    });
}

TEST_CASE("retained: PUBACK waits until the message is durable where it is kept") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        broker.held.store = true;
        publisher.retain("a", "x", qos1);
        CHECK(publisher.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(publisher.take().starts_with("puback #1"));
    });
}
