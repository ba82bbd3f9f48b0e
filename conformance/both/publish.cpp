// PUBLISH: its flags, its topic, and how each QoS is answered.

#include <algorithm>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

MARTLET_TEST(publish_qos_3, "QoS 3 closes the connection", V311{"MQTT-3.3.1-4", "MQTT-4.8.0-1"},
             V5{"MQTT-3.3.1-4", "MQTT-4.13.1-1"}) {
    const auto body = str(t.topic("a")) + u16(1) + no_properties(t);
    for (const unsigned flags : {0x6U, 0x7U, 0xEU, 0xFU}) {
        expect_close_on(t, "flags " + std::to_string(flags), frame(0x30 | flags, body));
    }
}

MARTLET_TEST(publish_dup_at_qos_0, "DUP at QoS 0 closes the connection",
             V311{"MQTT-3.3.1-2", "MQTT-4.8.0-1"}, V5{"MQTT-3.3.1-2"}) {
    expect_close_on(t, "DUP",
                    encode(Publish{.topic = t.topic("a"), .dup = true}, t.target.version));
}

MARTLET_TEST(publish_dup_is_not_passed_on, "DUP is not passed on to subscribers",
             V311{"MQTT-3.3.1-3", "MQTT-3.3.1-2", "MQTT-4.3.1-1", "MQTT-4.3.2-1", "MQTT-4.3.3-1"},
             V5{"MQTT-3.3.1-3", "MQTT-3.3.1-2", "MQTT-4.3.1-1", "MQTT-4.3.2-2", "MQTT-4.3.3-2"}) {
    Client pub{t, "pub"};
    pub.connect();
    for (const unsigned granted : {0U, 1U, 2U}) {
        Client sub{t, "sub" + std::to_string(granted)};
        sub.connect();
        sub.subscribe(t.topic("a"), granted);
        for (const unsigned qos : {1U, 2U}) {
            const auto received = std::min(qos, granted);
            pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos, .dup = true});
            sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = received});
        }
        sub.expect_nothing();
        sub.disconnect();
    }
}

MARTLET_TEST(publish_topic_wildcards, "a wildcard in a topic closes the connection",
             V311{"MQTT-3.3.2-2", "MQTT-4.7.1-1"}, V5{"MQTT-3.3.2-2", "MQTT-4.7.0-1"}) {
    for (const auto* topic : {"+", "#", "a/+", "a/#", "a/+/b", "a#b", "a+b"}) {
        expect_close_on(t, topic, encode(Publish{.topic = t.topic(topic)}, t.target.version));
    }
}

MARTLET_TEST(publish_topic_empty, "an empty topic closes the connection", V311{"MQTT-4.7.3-1"},
             V5{"MQTT-4.7.3-1"}) {
    for (const unsigned qos : {0U, 1U}) {
        const Publish publish{.topic = "", .payload = "x", .qos = qos, .id = 1};
        expect_close_on(t, "QoS " + std::to_string(qos), encode(publish, t.target.version));
    }
}

MARTLET_TEST(publish_topic_is_first, "the topic is what the PUBLISH begins with",
             V311{"MQTT-3.3.2-1", "MQTT-3.3.2-3", "MQTT-2.3.1-5"},
             V5{"MQTT-3.3.2-1", "MQTT-3.3.2-3", "MQTT-2.2.1-2", "MQTT-2.2.2-1"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("#"), 0);
    const std::string binary("\x00\x01\xFF\x00", 4);
    for (const auto& payload : {std::string{}, std::string{"x"}, binary}) {
        c.send_publish(Publish{.topic = t.topic("a/b"), .payload = payload});
        c.expect(Publish{.topic = t.topic("a/b"), .payload = payload});
    }
    c.expect_nothing();
}

MARTLET_TEST(publish_answers, "QoS 0 has no answer, QoS 1 a PUBACK, QoS 2 a PUBREC",
             V311{"MQTT-3.3.4-1", "MQTT-4.3.2-2", "MQTT-4.3.3-2"},
             V5{"MQTT-3.3.4-1", "MQTT-4.3.2-4", "MQTT-4.3.3-8", "MQTT-4.3.3-11"}) {
    Client c{t};
    c.connect();
    c.send_publish(Publish{.topic = t.topic("a"), .qos = 0});
    c.expect_nothing();
    c.send_publish(Publish{.topic = t.topic("a"), .qos = 1, .id = 3});
    c.expect(Ack{.type = Type::puback, .id = 3});
    c.expect_nothing();
    c.send_publish(Publish{.topic = t.topic("a"), .qos = 2, .id = 4});
    c.expect(Ack{.type = Type::pubrec, .id = 4});
    c.expect_nothing();
    c.send(Ack{.type = Type::pubrel, .id = 4});
    c.expect(Ack{.type = Type::pubcomp, .id = 4});
    c.expect_nothing();
}

MARTLET_TEST(publish_long_topic, "a topic has up to 65,535 bytes", V311{"MQTT-4.7.3-3"},
             V5{"MQTT-4.7.3-3"}) {
    auto topic = t.topic("long/");
    topic.append(65'535 - topic.size(), 'x');
    Client c{t};
    c.connect();
    c.send_subscribe(Subscribe{.id = 1, .subscriptions = {{.filter = topic}}});
    const auto answer = c.receive();
    if (!answer || answer->type != Type::suback || answer->codes != std::vector{0U}) {
        throw Skipped{"the server has a lower limit"};
    }
    c.send_publish(Publish{.topic = topic, .payload = "x"});
    c.expect(Publish{.topic = topic, .payload = "x"});
}

MARTLET_TEST(publish_to_server_topics, "a PUBLISH that is not allowed is acknowledged, or closes",
             V311{"MQTT-3.3.5-2"}, V5{"MQTT-3.4.2-1", "MQTT-3.5.2-1"}) {
    // Servers that have topics of their own there do not let clients write to them.
    for (const unsigned qos : {1U, 2U}) {
        t.form("QoS " + std::to_string(qos), [&] {
            Client c{t};
            c.connect();
            c.send_publish(
                Publish{.topic = "$SYS/" + t.topic("a"), .payload = "x", .qos = qos, .id = 5});
            const auto answer = c.receive();
            if (answer && answer->type != Type::disconnect) {
                const auto wanted = qos == 1 ? Type::puback : Type::pubrec;
                Trial::check(answer->type == wanted && answer->id == 5, "another answer");
            }
        });
    }
}

}  // namespace

}  // namespace martlet::conformance
