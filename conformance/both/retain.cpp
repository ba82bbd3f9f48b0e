// Retained messages: what is stored, replaced and removed, and what new subscriptions get.

#include <algorithm>
#include <utility>

#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

// What a new client gets for a new subscription to the topic: nothing, or one retained message.
void expect_retained(Trial& t, const std::string& topic, const std::string& payload, unsigned qos) {
    Client later{t, "later"};
    later.connect();
    later.subscribe(topic, 2);
    if (!payload.empty()) {
        later.take(Publish{.topic = topic, .payload = payload, .qos = qos, .retain = true});
    }
    later.expect_nothing();
    later.disconnect();
}

MARTLET_TEST(retain_stores, "a retained message and its QoS are stored for later subscribers",
             V311{"MQTT-3.3.1-5", "MQTT-3.3.1-6", "MQTT-3.3.1-8"},
             V5{"MQTT-3.3.1-5", "MQTT-3.3.1-9"}) {
    Client pub{t, "pub"};
    pub.connect();
    for (const unsigned qos : {0U, 1U, 2U}) {
        const auto topic = t.topic("a/" + std::to_string(qos));
        pub.publish(Publish{.topic = topic, .payload = "kept", .qos = qos, .retain = true});
        pub.ping();
        expect_retained(t, topic, "kept", qos);
        // It is not used up.
        expect_retained(t, topic, "kept", qos);
    }
}

MARTLET_TEST(retain_last_one, "only the last retained message of each topic is sent",
             V311{"MQTT-3.3.1-6", "MQTT-3.3.1-5"}, V5{"MQTT-3.3.1-5", "MQTT-3.3.1-9"}) {
    Client pub{t, "pub"};
    pub.connect();
    for (const auto* payload : {"1", "2", "3"}) {
        pub.publish(Publish{.topic = t.topic("a"), .payload = payload, .qos = 1, .retain = true});
    }
    expect_retained(t, t.topic("a"), "3", 1);
}

MARTLET_TEST(retain_wildcards, "a wildcard gets the retained messages of all matching topics",
             V311{"MQTT-3.3.1-6", "MQTT-3.3.2-3"}, V5{"MQTT-3.3.1-9", "MQTT-3.3.2-3"}) {
    Client pub{t, "pub"};
    pub.connect();
    for (const auto* topic : {"a", "a/b", "a/c", "a/b/c", "ab"}) {
        pub.publish(Publish{.topic = t.topic(topic), .payload = "x", .qos = 1, .retain = true});
    }
    const std::vector<std::pair<std::string, std::vector<std::string>>> expected{
        {"a/+", {"a/b", "a/c"}},
        {"a/#", {"a", "a/b", "a/b/c", "a/c"}},
        {"+", {"a", "ab"}},
        {"+/b/#", {"a/b", "a/b/c"}},
        {"x/#", {}},
    };
    for (const auto& one : expected) {
        const auto& filter = one.first;
        const auto& topics = one.second;
        t.form(filter, [&] {
            Client sub{t, "sub"};
            sub.connect();
            sub.subscribe(t.topic(filter), 0);
            std::vector<std::string> got;
            for (std::size_t i = 0; i < topics.size(); ++i) {
                const auto packet = sub.expect(Type::publish);
                Trial::check(packet.retain, "a retained message without RETAIN");
                got.push_back(packet.topic);
            }
            std::sort(got.begin(), got.end());
            for (std::size_t i = 0; i < topics.size(); ++i) {
                Trial::check(got[i] == t.topic(topics[i]), "the retained message of " + got[i]);
            }
            sub.expect_nothing();
        });
    }
}

MARTLET_TEST(retain_qos_0_replaces, "a retained QoS 0 message replaces what was retained",
             V311{"MQTT-3.3.1-7"}, V5{"MQTT-3.3.1-5"}) {
    Client pub{t, "pub"};
    pub.connect();
    pub.publish(Publish{.topic = t.topic("a"), .payload = "old", .qos = 1, .retain = true});
    pub.publish(Publish{.topic = t.topic("a"), .payload = "new", .qos = 0, .retain = true});
    pub.ping();
    Client sub{t, "sub"};
    sub.connect();
    sub.subscribe(t.topic("a"), 1);
    // 3.1.1 lets a server drop a retained QoS 0 message at any time, but not keep the old one. No
    // answer to a PINGREQ tells that it will not come: a server may look for it elsewhere.
    if (const auto packet = sub.receive_until(Clock::now() + t.target.patience)) {
        Trial::check(packet->payload == "new", "the message that was replaced");
    } else {
        Trial::check(!t.is_v5(), "the retained message is gone");
    }
}

MARTLET_TEST(retain_flag_for_old_subscriptions, "a message for an old subscription has RETAIN 0",
             V311{"MQTT-3.3.1-9", "MQTT-3.3.1-8"}, V5{"MQTT-3.3.1-12"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    for (const unsigned qos : {0U, 1U, 2U}) {
        c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos, .retain = true});
        c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos, .retain = false});
    }
    c.subscribe(t.topic("a"), 2);
    c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2, .retain = true});
    c.expect_nothing();
}

MARTLET_TEST(retain_flag_after_absence, "a message kept for an old subscription has RETAIN 0",
             V311{"MQTT-3.3.1-9"}, V5{"MQTT-3.3.1-12"}) {
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 1);
        sub.disconnect();
    }
    Client pub{t, "pub"};
    pub.connect();
    pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = true});
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = false});
    sub.expect_nothing();
}

MARTLET_TEST(retain_empty_removes, "an empty retained message is delivered, and removes",
             V311{"MQTT-3.3.1-10", "MQTT-3.3.1-11"}, V5{"MQTT-3.3.1-6", "MQTT-3.3.1-7"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    for (const unsigned qos : {0U, 1U, 2U}) {
        const auto topic = t.topic("a");
        c.publish(Publish{.topic = topic, .payload = "x", .qos = 1, .retain = true});
        c.take(Publish{.topic = topic, .payload = "x", .qos = 1});
        c.publish(Publish{.topic = topic, .payload = "", .qos = qos, .retain = true});
        c.take(Publish{.topic = topic, .payload = "", .qos = qos});
        c.ping();
        expect_retained(t, topic, "", 0);
    }
    // Nothing to remove: not stored either.
    c.publish(Publish{.topic = t.topic("b"), .payload = "", .qos = 1, .retain = true});
    expect_retained(t, t.topic("b"), "", 0);
}

MARTLET_TEST(retain_0_changes_nothing, "a message without RETAIN is not stored, nor removes",
             V311{"MQTT-3.3.1-12"}, V5{"MQTT-3.3.1-8"}) {
    Client pub{t, "pub"};
    pub.connect();
    pub.publish(Publish{.topic = t.topic("a"), .payload = "plain", .qos = 1});
    expect_retained(t, t.topic("a"), "", 0);
    pub.publish(Publish{.topic = t.topic("a"), .payload = "kept", .qos = 1, .retain = true});
    pub.publish(Publish{.topic = t.topic("a"), .payload = "plain", .qos = 1});
    pub.publish(Publish{.topic = t.topic("a"), .payload = "", .qos = 1});
    expect_retained(t, t.topic("a"), "kept", 1);
}

MARTLET_TEST(retain_lower_granted, "a retained message comes at the granted QoS",
             V311{"MQTT-3.3.1-6", "MQTT-3.8.4-6"}, V5{"MQTT-3.3.1-9", "MQTT-3.8.4-8"}) {
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2, .retain = true});
    for (const unsigned qos : {0U, 1U, 2U}) {
        c.subscribe(t.topic("a"), qos);
        c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos, .retain = true});
    }
}

}  // namespace

}  // namespace martlet::conformance
