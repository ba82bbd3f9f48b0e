// UNSUBSCRIBE and UNSUBACK.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

MARTLET_TEST(unsubscribe_without_filters, "an UNSUBSCRIBE without filters closes the connection",
             V311{"MQTT-3.10.3-2", "MQTT-4.8.0-1"}, V5{"MQTT-3.10.3-2", "MQTT-4.13.1-1"}) {
    expect_close_on(t, "no filter", frame(0xA2, u16(1) + no_properties(t)));
}

MARTLET_TEST(unsubscribe_stops, "nothing new comes after UNSUBSCRIBE",
             V311{"MQTT-3.10.4-2", "MQTT-3.10.4-1", "MQTT-3.10.4-4"},
             V5{"MQTT-3.10.4-2", "MQTT-3.10.4-1", "MQTT-3.10.4-4"}) {
    Client c{t};
    Client pub{t, "pub"};
    c.connect();
    pub.connect();
    for (const auto* filter : {"a/b", "a/+", "a/#"}) {
        c.subscribe(t.topic(filter), 2);
        pub.publish(Publish{.topic = t.topic("a/b"), .payload = filter, .qos = 1});
        c.take(Publish{.topic = t.topic("a/b"), .payload = filter, .qos = 1});
        c.unsubscribe(t.topic(filter));
        for (const unsigned qos : {0U, 1U, 2U}) {
            pub.publish(Publish{.topic = t.topic("a/b"), .payload = "no", .qos = qos});
        }
        c.expect_nothing_from(pub);
    }
}

MARTLET_TEST(unsubscribe_compares_text, "UNSUBSCRIBE compares filters character by character",
             V311{"MQTT-3.10.4-1", "MQTT-3.10.4-5"}, V5{"MQTT-3.10.4-1", "MQTT-3.10.4-5"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a/+"), 1);
    // None of these is the filter that is there, though some match it or are matched by it.
    for (const auto* other : {"a/b", "a/#", "+/+", "#", "a", "A/+", "a/+/"}) {
        t.form(other, [&] {
            c.unsubscribe(t.topic(other));
            c.publish(Publish{.topic = t.topic("a/b"), .payload = other, .qos = 1});
            c.take(Publish{.topic = t.topic("a/b"), .payload = other, .qos = 1});
        });
    }
    c.expect_nothing();
}

MARTLET_TEST(unsubscribe_unknown, "UNSUBACK comes even where nothing was deleted",
             V311{"MQTT-3.10.4-5", "MQTT-3.10.4-4"}, V5{"MQTT-3.10.4-5", "MQTT-3.10.4-4"}) {
    Client c{t};
    c.connect();
    for (const std::uint16_t id : {std::uint16_t{7}, std::uint16_t{0x1234}}) {
        c.send(Unsubscribe{.id = id, .filters = {t.topic("never")}});
        const auto answer = c.expect(Type::unsuback);
        Trial::check(answer.id == id, "the UNSUBACK has another identifier");
    }
}

MARTLET_TEST(unsubscribe_several, "several filters work like several UNSUBSCRIBEs",
             V311{"MQTT-3.10.4-6"}, V5{"MQTT-3.10.4-6"}) {
    Client c{t};
    c.connect();
    for (const auto* filter : {"a", "b", "c"}) {
        c.subscribe(t.topic(filter), 0);
    }
    c.send(Unsubscribe{.id = 77, .filters = {t.topic("a"), t.topic("never"), t.topic("c")}});
    const auto answer = c.expect(Type::unsuback);
    Trial::check(answer.id == 77, "the UNSUBACK has another identifier");
    for (const auto* topic : {"a", "b", "c"}) {
        c.send_publish(Publish{.topic = t.topic(topic), .payload = topic});
    }
    c.expect(Publish{.topic = t.topic("b"), .payload = "b"});
    c.expect_nothing();
}

MARTLET_TEST(unsubscribe_completes_qos_1, "QoS 1 begun before UNSUBSCRIBE is completed",
             V311{"MQTT-3.10.4-3"}, V5{"MQTT-3.10.4-3"}) {
    Client pub{t, "pub"};
    pub.connect();
    std::uint16_t id = 0;
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 1);
        pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
        id = sub.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1}).id;
        sub.unsubscribe(t.topic("a"));
        sub.drop();
    }
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .dup = true, .id = id});
    sub.expect_nothing();
}

MARTLET_TEST(unsubscribe_completes_qos_2, "QoS 2 begun before UNSUBSCRIBE is completed",
             V311{"MQTT-3.10.4-3"}, V5{"MQTT-3.10.4-3"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    const auto got = c.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    c.unsubscribe(t.topic("a"));
    c.send(Ack{.type = Type::pubrec, .id = got.id});
    c.expect(Ack{.type = Type::pubrel, .id = got.id});
    c.send(Ack{.type = Type::pubcomp, .id = got.id});
    c.expect_nothing();
}

}  // namespace

}  // namespace martlet::conformance
