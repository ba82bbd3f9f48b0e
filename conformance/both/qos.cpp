// The flows of QoS 1 and 2, in both directions, and what is re-sent at reconnection.

#include <utility>

#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

MARTLET_TEST(qos1_identifier_is_free_again, "after PUBACK the same identifier is a new message",
             V311{"MQTT-4.3.2-2"}, V5{"MQTT-4.3.2-4", "MQTT-4.3.2-5"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 1);
    for (const bool dup : {false, true, true}) {
        c.send_publish(
            Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .dup = dup, .id = 7});
        c.await(Type::puback, 7);
        c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    }
    c.expect_nothing();
}

MARTLET_TEST(qos2_receiver_once, "until PUBREL the same identifier is the same message",
             V311{"MQTT-4.3.3-2"}, V5{"MQTT-4.3.3-10"}) {
    Client sub{t, "sub"};
    Client pub{t, "pub"};
    sub.connect();
    pub.connect();
    sub.subscribe(t.topic("a"), 2);
    for (const bool dup : {false, true, true}) {
        pub.send_publish(
            Publish{.topic = t.topic("a"), .payload = "x", .qos = 2, .dup = dup, .id = 5});
        pub.expect(Ack{.type = Type::pubrec, .id = 5});
    }
    pub.send(Ack{.type = Type::pubrel, .id = 5});
    pub.expect(Ack{.type = Type::pubcomp, .id = 5});
    sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    sub.expect_nothing_from(pub);
}

MARTLET_TEST(qos2_identifier_is_free_again, "after PUBCOMP the same identifier is a new message",
             V311{"MQTT-4.3.3-2"}, V5{"MQTT-4.3.3-12"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    for (const auto* payload : {"first", "second", "second"}) {
        c.publish(Publish{.topic = t.topic("a"), .payload = payload, .qos = 2, .id = 5});
        c.take(Publish{.topic = t.topic("a"), .payload = payload, .qos = 2});
    }
    c.expect_nothing();
}

MARTLET_TEST(qos2_pubrel_again, "every PUBREL is answered with a PUBCOMP", V311{"MQTT-4.3.3-2"},
             V5{"MQTT-4.3.3-11"}) {
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2, .id = 5});
    for (const std::uint16_t id : {std::uint16_t{5}, std::uint16_t{6}}) {
        c.send(Ack{.type = Type::pubrel, .id = id});
        const auto answer = c.expect(Type::pubcomp);
        Trial::check(answer.id == id, "the PUBCOMP has another identifier");
    }
    c.expect_nothing();
}

MARTLET_TEST(qos2_sender, "a server sends PUBREL when it gets PUBREC, and not before",
             V311{"MQTT-4.3.3-1", "MQTT-2.3.1-6"}, V5{"MQTT-4.3.3-4", "MQTT-2.2.1-5"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    const auto got = c.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    c.expect_nothing();
    c.send(Ack{.type = Type::pubrec, .id = got.id});
    c.expect(Ack{.type = Type::pubrel, .id = got.id});
    c.expect_nothing();
    c.send(Ack{.type = Type::pubcomp, .id = got.id});
    c.expect_nothing();
}

MARTLET_TEST(qos1_resent, "a QoS 1 message without PUBACK is re-sent, with DUP and its identifier",
             V311{"MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-2.3.1-4", "MQTT-4.3.2-1", "MQTT-4.1.0-1"},
             V5{"MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-4.3.2-3"}) {
    Client pub{t, "pub"};
    pub.connect();
    std::uint16_t id = 0;
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 1);
        pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
        id = sub.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1}).id;
        sub.drop();
    }
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .dup = true, .id = id});
        sub.expect_nothing();
        sub.disconnect();
    }
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    sub.expect_nothing();
}

MARTLET_TEST(qos2_resent, "a QoS 2 message is re-sent as PUBLISH until PUBREC, then as PUBREL",
             V311{"MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-4.3.3-1", "MQTT-4.1.0-1"},
             V5{"MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-4.3.3-3", "MQTT-4.3.3-5", "MQTT-4.3.3-6"}) {
    Client pub{t, "pub"};
    pub.connect();
    std::uint16_t id = 0;
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 2);
        pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
        id = sub.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2}).id;
        sub.drop();
    }
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2, .dup = true, .id = id});
        sub.send(Ack{.type = Type::pubrec, .id = id});
        sub.expect(Ack{.type = Type::pubrel, .id = id});
        sub.drop();
    }
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.expect(Ack{.type = Type::pubrel, .id = id});
        sub.send(Ack{.type = Type::pubcomp, .id = id});
        sub.expect_nothing();
        sub.disconnect();
    }
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    sub.expect_nothing();
}

MARTLET_TEST(resent_in_order, "what is re-sent is in the order in which it was sent",
             V311{"MQTT-4.6.0-1", "MQTT-4.6.0-6", "MQTT-4.4.0-1"}, V5{"MQTT-4.4.0-1"}) {
    Client pub{t, "pub"};
    pub.connect();
    constexpr int count = 6;
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 2);
        for (int i = 0; i < count; ++i) {
            const unsigned qos = i % 2 == 0 ? 1 : 2;
            const auto payload = std::to_string(i);
            pub.publish(Publish{.topic = t.topic("a"), .payload = payload, .qos = qos});
            sub.expect(Publish{.topic = t.topic("a"), .payload = payload, .qos = qos});
        }
        sub.drop();
    }
    pub.publish(Publish{.topic = t.topic("a"), .payload = "new", .qos = 1});
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    for (int i = 0; i < count; ++i) {
        const unsigned qos = i % 2 == 0 ? 1 : 2;
        sub.take(
            Publish{.topic = t.topic("a"), .payload = std::to_string(i), .qos = qos, .dup = true});
    }
    // The server may have sent this one before it knew that nobody listens, and then it has DUP.
    const auto last = sub.expect(Type::publish);
    Trial::check(last.payload == "new", "the new message is not the last");
    sub.acknowledge(last);
    sub.expect_nothing();
}

MARTLET_TEST(not_resent_while_connected, "nothing is re-sent on a connection that lives",
             V311{"MQTT-4.3.2-1"}, V5{"MQTT-4.4.0-1"}, Waits{}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    c.publish(Publish{.topic = t.topic("a"), .payload = "1", .qos = 1});
    c.publish(Publish{.topic = t.topic("a"), .payload = "2", .qos = 2});
    const auto one = c.expect(Publish{.topic = t.topic("a"), .payload = "1", .qos = 1});
    const auto two = c.expect(Publish{.topic = t.topic("a"), .payload = "2", .qos = 2});
    const auto early = c.receive_until(Clock::now() + std::chrono::seconds{5});
    if (t.is_v5()) {
        Trial::check(!early, "re-sent without a reconnection");
    }
    c.acknowledge(one);
    c.acknowledge(two);
}

MARTLET_TEST(pubrels_in_order, "PUBRELs come in the order of the PUBRECs", V311{"MQTT-4.6.0-4"},
             V5{"MQTT-4.3.3-4"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    std::vector<std::uint16_t> ids;
    for (int i = 0; i < 5; ++i) {
        c.publish(Publish{.topic = t.topic("a"), .payload = std::to_string(i), .qos = 2});
        ids.push_back(c.expect(Type::publish).id);
    }
    Bytes all;
    for (const auto id : ids) {
        all += encode(Ack{.type = Type::pubrec, .id = id}, t.target.version);
    }
    c.send_raw(all);
    for (const auto id : ids) {
        c.expect(Ack{.type = Type::pubrel, .id = id});
    }
    for (const auto id : ids) {
        c.send(Ack{.type = Type::pubcomp, .id = id});
    }
    c.expect_nothing();
}

// Many messages at once, and each of them in its place.
void expect_order(Trial& t, unsigned qos, const std::string& filter) {
    Client pub{t, "pub" + std::to_string(qos)};
    Client sub{t, "sub" + std::to_string(qos)};
    pub.connect();
    sub.connect();
    const auto topic = t.topic("a/" + std::to_string(qos));
    sub.subscribe(t.topic(filter), qos);
    constexpr int count = 100;
    const auto window = pub.connack().number(PropertyId::receive_maximum).value_or(20);
    std::vector<std::uint16_t> open;
    for (int i = 0; i < count; ++i) {
        const auto id =
            pub.send_publish(Publish{.topic = topic, .payload = std::to_string(i), .qos = qos});
        open.push_back(id);
        if (qos > 0 && open.size() >= std::min<std::size_t>(window, 10)) {
            for (const auto one : std::exchange(open, {})) {
                pub.await(qos == 1 ? Type::puback : Type::pubrec, one);
                if (qos == 2) {
                    pub.send(Ack{.type = Type::pubrel, .id = one});
                    pub.await(Type::pubcomp, one);
                }
            }
        }
    }
    for (int i = 0; i < count; ++i) {
        sub.take(Publish{.topic = topic, .payload = std::to_string(i), .qos = qos});
    }
    sub.expect_nothing();
}

MARTLET_TEST(order_of_a_topic, "messages of one topic, QoS and client stay in order",
             V311{"MQTT-4.6.0-5", "MQTT-4.6.0-6"}, V5{"MQTT-4.6.0-5", "MQTT-4.6.0-6"}) {
    for (const unsigned qos : {0U, 1U, 2U}) {
        t.form("QoS " + std::to_string(qos), [&] { expect_order(t, qos, "a/+"); });
    }
}

MARTLET_TEST(order_of_waiting_messages, "messages that wait for a client stay in order",
             V311{"MQTT-4.6.0-5", "MQTT-4.6.0-6"}, V5{"MQTT-4.6.0-5", "MQTT-4.6.0-6"}) {
    Client pub{t, "pub"};
    pub.connect();
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 2);
        sub.disconnect();
    }
    constexpr int count = 50;
    for (int i = 0; i < count; ++i) {
        pub.publish(Publish{.topic = t.topic("a"), .payload = std::to_string(i), .qos = 1});
    }
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    for (int i = 0; i < count; ++i) {
        sub.take(Publish{.topic = t.topic("a"), .payload = std::to_string(i), .qos = 1});
    }
    sub.expect_nothing();
}

}  // namespace

}  // namespace martlet::conformance
