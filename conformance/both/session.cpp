// Sessions: what Clean Session / Clean Start make of what was, Session Present, and take-over.

#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

MARTLET_TEST(session_resumes, "a session is resumed with its subscriptions and messages",
             V311{"MQTT-3.1.2-4", "MQTT-3.1.2-5", "MQTT-3.1.4-3", "MQTT-3.2.2-2", "MQTT-4.1.0-1",
                  "MQTT-4.5.0-1"},
             V5{"MQTT-3.1.2-5", "MQTT-3.1.2-23", "MQTT-3.1.4-4", "MQTT-3.2.2-3", "MQTT-4.5.0-1"}) {
    Client pub{t, "pub"};
    pub.connect();
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a/+"), 2);
        sub.disconnect();
    }
    pub.publish(Publish{.topic = t.topic("a/1"), .payload = "one", .qos = 1});
    pub.publish(Publish{.topic = t.topic("a/2"), .payload = "two", .qos = 2});
    Client sub{t, "sub"};
    sub.send_connect(t.persistent());
    sub.expect(Connack{.session_present = true});
    sub.take(Publish{.topic = t.topic("a/1"), .payload = "one", .qos = 1});
    sub.take(Publish{.topic = t.topic("a/2"), .payload = "two", .qos = 2});
    pub.publish(Publish{.topic = t.topic("a/3"), .payload = "three", .qos = 1});
    sub.take(Publish{.topic = t.topic("a/3"), .payload = "three", .qos = 1});
    sub.expect_nothing();
}

MARTLET_TEST(session_after_a_loss, "a session also outlives a connection that just ends",
             V311{"MQTT-3.1.2-4", "MQTT-3.1.2-5", "MQTT-4.1.0-1"},
             V5{"MQTT-3.1.2-5", "MQTT-3.1.2-23", "MQTT-4.5.0-1"}) {
    Client pub{t, "pub"};
    pub.connect();
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 1);
        sub.drop();
    }
    pub.publish(Publish{.topic = t.topic("a"), .payload = "one", .qos = 1});
    Client sub{t, "sub"};
    sub.send_connect(t.persistent());
    sub.expect(Connack{.session_present = true});
    auto got = sub.expect(Type::publish);
    Trial::check(got.payload == "one", "another message than the one that was kept");
}

MARTLET_TEST(session_is_new, "where there is no session a new one is made",
             V311{"MQTT-3.1.2-4", "MQTT-3.2.2-3"}, V5{"MQTT-3.1.2-6", "MQTT-3.2.2-3"}) {
    {
        Client c{t};
        c.send_connect(t.persistent());
        c.expect(Connack{.session_present = false});
        c.disconnect();
    }
    Client c{t};
    c.send_connect(t.persistent());
    c.expect(Connack{.session_present = true});
}

MARTLET_TEST(session_is_discarded, "a clean start leaves nothing of the session that was",
             V311{"MQTT-3.1.2-6", "MQTT-3.1.4-3", "MQTT-3.2.2-1", "MQTT-3.2.2-3"},
             V5{"MQTT-3.1.2-4", "MQTT-3.1.4-4", "MQTT-3.2.2-2", "MQTT-3.2.2-3"}) {
    Client pub{t, "pub"};
    pub.connect();
    {
        Client old{t, "sub"};
        old.connect(t.persistent());
        old.subscribe(t.topic("a"), 1);
        old.disconnect();
    }
    pub.publish(Publish{.topic = t.topic("a"), .payload = "queued", .qos = 1});
    {
        Client clean{t, "sub"};
        clean.send_connect(Connect{});
        clean.expect(Connack{.session_present = false});
        clean.expect_nothing();
        pub.publish(Publish{.topic = t.topic("a"), .payload = "new", .qos = 1});
        clean.expect_nothing_from(pub);
        clean.subscribe(t.topic("b"), 1);
        clean.disconnect();
    }
    Client again{t, "sub"};
    again.send_connect(t.persistent());
    again.expect(Connack{.session_present = false});
    pub.publish(Publish{.topic = t.topic("b"), .payload = "b", .qos = 1});
    again.expect_nothing_from(pub);
}

MARTLET_TEST(session_not_reused, "a clean session lasts as long as its connection",
             V311{"MQTT-3.1.2-6", "MQTT-3.2.2-3", "MQTT-4.1.0-2"},
             V5{"MQTT-4.1.0-1", "MQTT-4.1.0-2", "MQTT-3.2.2-3"}) {
    Client pub{t, "pub"};
    pub.connect();
    {
        Client clean{t, "sub"};
        clean.connect();
        clean.subscribe(t.topic("a"), 1);
        pub.publish(Publish{.topic = t.topic("a"), .payload = "live", .qos = 1});
        clean.take(Publish{.topic = t.topic("a"), .payload = "live", .qos = 1});
        clean.drop();
    }
    Client again{t, "sub"};
    again.send_connect(t.persistent());
    again.expect(Connack{.session_present = false});
    pub.publish(Publish{.topic = t.topic("a"), .payload = "later", .qos = 1});
    again.expect_nothing_from(pub);
}

MARTLET_TEST(session_by_client_id, "the ClientId, byte for byte, names the session",
             V311{"MQTT-3.1.3-2"}, V5{"MQTT-3.1.3-2"}) {
    {
        Client c{t, "name"};
        c.connect(t.persistent());
        c.disconnect();
    }
    for (const auto* other : {"Name", "name1", "nam"}) {
        Client c{t, other};
        c.send_connect(t.persistent());
        c.expect(Connack{.session_present = false});
        c.disconnect();
    }
    Client c{t, "name"};
    c.send_connect(t.persistent());
    c.expect(Connack{.session_present = true});
}

MARTLET_TEST(session_taken_over, "the same ClientId disconnects the older client",
             V311{"MQTT-3.1.4-2"}, V5{"MQTT-3.1.4-3"}) {
    Client older{t};
    older.connect(t.persistent());
    older.subscribe(t.topic("a"), 1);
    Client newer{t};
    newer.send_connect(t.persistent());
    newer.expect(Connack{.session_present = true});
    const auto ending = older.expect_closed();
    if (t.is_v5()) {
        Trial::check(ending.code == 0x8E, "no DISCONNECT with 0x8E (Session taken over) before");
    }
    newer.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    newer.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    newer.expect_nothing();
}

MARTLET_TEST(session_taken_over_clean, "a clean take-over leaves nothing of the older session",
             V311{"MQTT-3.1.4-2", "MQTT-3.1.2-6", "MQTT-3.2.2-1"},
             V5{"MQTT-3.1.4-3", "MQTT-3.1.2-4", "MQTT-3.2.2-2"}) {
    Client older{t};
    older.connect(t.persistent());
    older.subscribe(t.topic("a"), 1);
    Client newer{t};
    newer.send_connect(Connect{});
    newer.expect(Connack{.session_present = false});
    older.expect_closed();
    newer.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    newer.expect_nothing();
}

MARTLET_TEST(session_and_connack_first, "CONNACK comes before the messages that wait",
             V311{"MQTT-3.2.0-1"}, V5{"MQTT-3.2.0-1"}) {
    Client pub{t, "pub"};
    pub.connect();
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 1);
        sub.disconnect();
    }
    for (int i = 0; i < 5; ++i) {
        pub.publish(Publish{.topic = t.topic("a"), .payload = std::to_string(i), .qos = 1});
    }
    Client sub{t, "sub"};
    const auto version = t.target.version;
    // Everything in one piece: even then the CONNACK is first.
    auto connect = t.persistent();
    connect.client_id = sub.id();
    connect.user = t.target.user;
    connect.password = t.target.password;
    sub.send_raw(encode(connect, version) + encode(Pingreq{}, version));
    sub.expect(Connack{.session_present = true});
    for (int i = 0; i < 5;) {
        const auto packet = sub.receive();
        Trial::check(packet.has_value(), "the connection was closed");
        if (packet->type == Type::publish) {
            Trial::check(packet->payload == std::to_string(i), "messages out of order");
            sub.acknowledge(*packet);
            ++i;
        }
    }
}

MARTLET_TEST(session_keeps_retained, "retained messages outlive the session that made them",
             V311{"MQTT-3.1.2-7", "MQTT-3.3.1-5"}, V5{"MQTT-3.3.1-5"}) {
    {
        Client pub{t, "pub"};
        pub.connect();
        pub.publish(Publish{.topic = t.topic("a"), .payload = "kept", .qos = 1, .retain = true});
        pub.disconnect();
    }
    {
        Client pub{t, "pub"};
        pub.connect();
        pub.disconnect();
    }
    Client sub{t, "sub"};
    sub.connect();
    sub.subscribe(t.topic("a"), 1);
    sub.take(Publish{.topic = t.topic("a"), .payload = "kept", .qos = 1, .retain = true});
}

MARTLET_TEST(session_qos2_receiver, "what a session received at QoS 2 is known when it resumes",
             V311{"MQTT-4.1.0-1", "MQTT-4.3.3-2"}, V5{"MQTT-4.3.3-10", "MQTT-3.1.2-23"}) {
    Client sub{t, "sub"};
    sub.connect();
    sub.subscribe(t.topic("a"), 2);
    {
        Client pub{t, "pub"};
        pub.connect(t.persistent());
        pub.send_publish(Publish{.topic = t.topic("a"), .payload = "once", .qos = 2, .id = 9});
        pub.expect(Ack{.type = Type::pubrec, .id = 9});
        pub.drop();
    }
    Client pub{t, "pub"};
    pub.send_connect(t.persistent());
    pub.expect(Connack{.session_present = true});
    pub.send_publish(
        Publish{.topic = t.topic("a"), .payload = "once", .qos = 2, .dup = true, .id = 9});
    pub.expect(Ack{.type = Type::pubrec, .id = 9});
    pub.send(Ack{.type = Type::pubrel, .id = 9});
    pub.expect(Ack{.type = Type::pubcomp, .id = 9});
    sub.take(Publish{.topic = t.topic("a"), .payload = "once", .qos = 2});
    sub.expect_nothing_from(pub);
}

}  // namespace

}  // namespace martlet::conformance
