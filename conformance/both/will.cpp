// The will: published when a connection ends without DISCONNECT, once, as it was asked for.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

MARTLET_TEST(will_on_loss, "the will is published when the connection just ends",
             V311{"MQTT-3.1.2-8", "MQTT-3.1.2-9"}, V5{"MQTT-3.1.2-7", "MQTT-3.1.2-8"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will/#"), 2);
    for (const unsigned qos : {0U, 1U, 2U}) {
        const auto topic = t.topic("will/" + std::to_string(qos));
        Client c{t};
        c.connect(Connect{.will = Will{.topic = topic, .payload = "gone", .qos = qos}});
        watcher.expect_nothing();
        c.drop();
        watcher.take(Publish{.topic = topic, .payload = "gone", .qos = qos});
    }
}

MARTLET_TEST(will_on_violation, "the will is published when a violation ends the connection",
             V311{"MQTT-3.1.2-8"}, V5{"MQTT-3.1.2-8"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    const auto version = t.target.version;
    const std::vector<Form> violations{
        {"QoS 3", frame(0x36, str(t.topic("a")) + u16(1))},
        {"a second CONNECT", encode(Connect{.client_id = t.id("c")}, version)},
        {"an ill-formed topic", encode(Publish{.topic = "a\xFF"}, version)},
        {"a SUBSCRIBE without filters", frame(0x82, u16(1) + no_properties(t))},
    };
    for (const auto& violation : violations) {
        t.form(violation.name, [&] {
            Client c{t};
            c.connect(Connect{.will = Will{.topic = t.topic("will")}});
            c.send_raw(violation.bytes);
            c.expect_closed();
            watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
        });
    }
}

MARTLET_TEST(will_on_take_over, "the will is published when another client takes over",
             V311{"MQTT-3.1.2-8"}, V5{"MQTT-3.1.2-8"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    Client older{t};
    older.connect(Connect{.will = Will{.topic = t.topic("will")}});
    Client newer{t};
    newer.connect();
    watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
}

MARTLET_TEST(will_not_after_disconnect, "DISCONNECT discards the will",
             V311{"MQTT-3.14.4-3", "MQTT-3.1.2-10"}, V5{"MQTT-3.14.4-3", "MQTT-3.1.2-10"}) {
    Client watcher{t, "watcher"};
    Client pub{t, "pub"};
    watcher.connect();
    pub.connect();
    watcher.subscribe(t.topic("will"), 0);
    for (const bool retain : {false, true}) {
        Client c{t};
        c.connect(Connect{.will = Will{.topic = t.topic("will"), .retain = retain}});
        c.disconnect();
        watcher.expect_nothing_from(pub);
    }
}

MARTLET_TEST(will_only_once, "a published will does not come again",
             V311{"MQTT-3.1.2-10", "MQTT-3.1.2-12"}, V5{"MQTT-3.1.2-10"}) {
    Client watcher{t, "watcher"};
    Client pub{t, "pub"};
    watcher.connect();
    pub.connect();
    watcher.subscribe(t.topic("will"), 1);
    {
        Client c{t};
        auto connect = t.persistent();
        connect.will = Will{.topic = t.topic("will"), .qos = 1};
        c.connect(connect);
        c.drop();
    }
    watcher.take(Publish{.topic = t.topic("will"), .payload = "will", .qos = 1});
    {
        Client c{t};
        c.connect(t.persistent());
        c.drop();
    }
    {
        // Until the server knows of that loss: this client takes the session over.
        Client c{t};
        c.connect(t.persistent());
        c.disconnect();
    }
    watcher.expect_nothing_from(pub);
}

MARTLET_TEST(will_without_flag, "without the Will Flag nothing is published at the end",
             V311{"MQTT-3.1.2-12"}, V5{"MQTT-3.1.2-7"}) {
    Client watcher{t, "watcher"};
    Client pub{t, "pub"};
    watcher.connect();
    pub.connect();
    watcher.subscribe(t.topic("#"), 0);
    Client c{t};
    c.connect();
    c.send_raw(frame(0x36, str(t.topic("a")) + u16(1)));
    c.expect_closed();
    watcher.expect_nothing_from(pub);
}

MARTLET_TEST(will_not_retained, "Will Retain 0: the will is not retained", V311{"MQTT-3.1.2-16"},
             V5{"MQTT-3.1.2-14"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 1);
    Client c{t};
    c.connect(Connect{.will = Will{.topic = t.topic("will"), .qos = 1}});
    c.drop();
    watcher.take(Publish{.topic = t.topic("will"), .payload = "will", .qos = 1});
    Client later{t, "later"};
    later.connect();
    later.subscribe(t.topic("will"), 1);
    later.expect_nothing();
}

MARTLET_TEST(will_retained, "Will Retain 1: the will is retained, with its QoS",
             V311{"MQTT-3.1.2-17", "MQTT-3.1.2-9"}, V5{"MQTT-3.1.2-15"}) {
    t.remember_retained(t.topic("will"));
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 2);
    Client c{t};
    c.connect(Connect{.will = Will{.topic = t.topic("will"), .qos = 1, .retain = true}});
    c.drop();
    watcher.take(Publish{.topic = t.topic("will"), .payload = "will", .qos = 1});
    Client later{t, "later"};
    later.connect();
    later.subscribe(t.topic("will"), 2);
    later.take(Publish{.topic = t.topic("will"), .payload = "will", .qos = 1, .retain = true});
}

MARTLET_TEST(will_for_absent_client, "a will is kept for a client that is away",
             V311{"MQTT-3.1.2-8", "MQTT-4.5.0-1"}, V5{"MQTT-3.1.2-8", "MQTT-4.5.0-1"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 1);
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("will"), 1);
        sub.disconnect();
    }
    Client c{t};
    c.connect(Connect{.will = Will{.topic = t.topic("will"), .qos = 1}});
    c.drop();
    watcher.take(Publish{.topic = t.topic("will"), .payload = "will", .qos = 1});
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    sub.take(Publish{.topic = t.topic("will"), .payload = "will", .qos = 1});
}

}  // namespace

}  // namespace martlet::conformance
