// Time: Session Expiry, Message Expiry and Will Delay. These tests wait, because the statements do.

#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;
using std::chrono::milliseconds;
using std::chrono::seconds;

Connect with_expiry(std::uint32_t expiry_s, bool clean) {
    return Connect{.clean = clean, .properties = {number(session_expiry, expiry_s)}};
}

// Lets time pass on a connection that stays open and quiet.
void pass_time(Client& c, milliseconds time) {
    Trial::check(!c.receive_until(Clock::now() + time), "something came meanwhile");
    c.ping();
}

// A server may hold sessions for a shorter time than asked for, and says so.
void require_expiry(const Packet& connack, std::uint32_t asked_s) {
    if (connack.number(session_expiry).value_or(asked_s) != asked_s) {
        throw Skipped{"the server decides about the Session Expiry Interval itself"};
    }
}

MARTLET_TEST(v5_session_expires, "a session goes when its expiry has passed",
             V5{"MQTT-4.1.0-2", "MQTT-3.1.2-23"}, Waits{}) {
    Client watch{t, "watch"};
    watch.connect();
    {
        Client c{t};
        require_expiry(c.connect(with_expiry(2, true)), 2);
        c.subscribe(t.topic("a"), 1);
        c.disconnect();
    }
    pass_time(watch, milliseconds{500});
    {
        Client c{t};
        c.send_connect(with_expiry(2, false));
        c.expect(Connack{.session_present = true});
        c.drop();
    }
    pass_time(watch, milliseconds{4500});
    Client c{t};
    c.send_connect(with_expiry(0, false));
    c.expect(Connack{.session_present = false});
}

MARTLET_TEST(v5_session_zero_expiry, "without an expiry the session goes with its connection",
             V5{"MQTT-4.1.0-2", "MQTT-3.2.2-3"}) {
    for (const bool is_there : {false, true}) {
        {
            Client c{t};
            c.connect(is_there ? with_expiry(0, false) : Connect{.clean = false});
            c.subscribe(t.topic("a"), 1);
            c.disconnect();
        }
        Client c{t};
        c.send_connect(Connect{.clean = false});
        c.expect(Connack{.session_present = false});
        c.disconnect();
    }
}

MARTLET_TEST(v5_session_not_while_open, "a session does not expire while its connection is open",
             V5{"MQTT-4.1.0-1", "MQTT-4.1.0-2"}, Waits{}) {
    Client c{t};
    c.connect(with_expiry(1, true));
    c.subscribe(t.topic("a"), 1);
    pass_time(c, milliseconds{3000});
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
}

MARTLET_TEST(v5_session_expiry_at_disconnect, "DISCONNECT can change the expiry, but not from zero",
             V5{"MQTT-4.1.0-2", "MQTT-3.1.2-23"}) {
    {
        Client c{t};
        c.connect(with_expiry(100, true));
        c.send(Disconnect{.properties = {number(session_expiry, 0)}});
        c.expect_closed_silently();
    }
    {
        Client c{t};
        c.send_connect(Connect{.clean = false});
        c.expect(Connack{.session_present = false});
        c.send(Disconnect{.properties = {number(session_expiry, 100)}});
        c.expect_closed();
    }
    Client c{t};
    c.send_connect(Connect{.clean = false});
    c.expect(Connack{.session_present = false});
}

MARTLET_TEST(v5_message_expires, "a message that expired is not delivered, one that did not is",
             V5{"MQTT-3.3.2-5", "MQTT-3.3.2-6"}, Waits{}) {
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 1);
        sub.disconnect();
    }
    Client pub{t, "pub"};
    pub.connect();
    const auto publish = [&](const char* payload, std::uint32_t expiry_s, bool retain) {
        pub.publish(Publish{.topic = t.topic(payload[0] == 'r' ? "retained" : "a"),
                            .payload = payload,
                            .qos = 1,
                            .retain = retain,
                            .properties = {number(message_expiry, expiry_s)}});
    };
    publish("short", 1, false);
    publish("long", 100, false);
    publish("retained", 1, true);
    pass_time(pub, milliseconds{3200});
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    const auto got = sub.take(Publish{.topic = t.topic("a"), .payload = "long", .qos = 1});
    const auto left = got.number(message_expiry);
    Trial::check(left.has_value(), "no Message Expiry Interval");
    // A second for rounding, two for a slow machine.
    Trial::check(*left >= 94 && *left <= 97,
                 "100 s have become " + std::to_string(*left) + " s after 3.2 s");
    sub.subscribe(t.topic("retained"), 1);
    sub.expect_nothing();
}

MARTLET_TEST(v5_message_expiry_of_retained, "a retained message's expiry is less by its age",
             V5{"MQTT-3.3.2-6"}, Waits{}) {
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = t.topic("a"),
                      .payload = "x",
                      .qos = 1,
                      .retain = true,
                      .properties = {number(message_expiry, 60)}});
    pass_time(c, milliseconds{2200});
    c.subscribe(t.topic("a"), 1);
    const auto got =
        c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = true});
    const auto left = got.number(message_expiry).value_or(0);
    Trial::check(left >= 55 && left <= 58,
                 "60 s have become " + std::to_string(left) + " s after 2.2 s");
}

MARTLET_TEST(v5_message_expiry_at_once, "a message that does not wait keeps its expiry",
             V5{"MQTT-3.3.2-6"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 1);
    c.publish(Publish{.topic = t.topic("a"),
                      .payload = "x",
                      .qos = 1,
                      .properties = {number(message_expiry, 1000)}});
    const auto left = c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1})
                          .number(message_expiry)
                          .value_or(0);
    Trial::check(left >= 995 && left <= 1000, "1000 s have become " + std::to_string(left) + " s");
}

MARTLET_TEST(v5_sent_does_not_expire, "a QoS 2 message that was sent does not expire any more",
             V5{"MQTT-4.3.3-7"}, Waits{}) {
    Client pub{t, "pub"};
    pub.connect();
    std::uint16_t id = 0;
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        sub.subscribe(t.topic("a"), 2);
        pub.publish(Publish{.topic = t.topic("a"),
                            .payload = "x",
                            .qos = 2,
                            .properties = {number(message_expiry, 1)}});
        id = sub.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2}).id;
        sub.drop();
    }
    pass_time(pub, milliseconds{2500});
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2, .dup = true, .id = id});
    sub.expect_nothing();
}

MARTLET_TEST(v5_receiver_goes_on_after_expiry, "QoS 2 goes on with a message that has expired",
             V5{"MQTT-4.3.3-13"}, Waits{}) {
    Client c{t};
    c.connect();
    c.send_publish(Publish{.topic = t.topic("a"),
                           .payload = "x",
                           .qos = 2,
                           .id = 7,
                           .properties = {number(message_expiry, 1)}});
    c.expect(Ack{.type = Type::pubrec, .id = 7});
    pass_time(c, milliseconds{2500});
    c.send(Ack{.type = Type::pubrel, .id = 7});
    c.expect(Ack{.type = Type::pubcomp, .id = 7});
}

Connect with_will_delay(const Trial& t, std::uint32_t delay_s, std::uint32_t expiry_s) {
    return Connect{
        .will = Will{.topic = t.topic("will"), .properties = {number(will_delay, delay_s)}},
        .properties = {number(session_expiry, expiry_s)}};
}

MARTLET_TEST(v5_will_after_delay, "a will is published after its delay, not before",
             V5{"MQTT-3.1.2-8"}, Waits{}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    Client c{t};
    require_expiry(c.connect(with_will_delay(t, 2, 100)), 100);
    c.drop();
    const auto start = Clock::now();
    watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
    // Servers that count in whole seconds may be a part of one early.
    Trial::check(Clock::now() - start > milliseconds{900}, "the will came before its delay");
}

MARTLET_TEST(v5_will_at_end_of_session, "the end of the session publishes the will, delay or not",
             V5{"MQTT-3.1.2-8"}, Waits{}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    for (const std::uint32_t expiry_s : {0U, 1U}) {
        t.form("Session Expiry " + std::to_string(expiry_s), [&] {
            Client c{t};
            require_expiry(c.connect(with_will_delay(t, 60, expiry_s)), expiry_s);
            c.drop();
            watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
        });
    }
    // A clean start ends the session that was.
    t.form("Clean Start", [&] {
        Client old{t};
        old.connect(with_will_delay(t, 60, 100));
        old.drop();
        Client clean{t};
        clean.connect();
        watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
    });
}

MARTLET_TEST(v5_will_stopped_by_reconnection,
             "a reconnection before its delay is over stops a will",
             V5{"MQTT-3.1.3-9", "MQTT-3.1.2-8"}, Waits{}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    {
        Client c{t};
        c.connect(with_will_delay(t, 1, 100));
        c.drop();
    }
    Client c{t};
    c.connect(t.persistent());
    pass_time(watcher, milliseconds{3000});
}

MARTLET_TEST(v5_will_after_disconnect, "DISCONNECT 0x04 publishes the will, 0x00 discards it",
             V5{"MQTT-3.14.4-3", "MQTT-3.1.2-10", "MQTT-3.1.2-8"}, Waits{}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    const auto connect = with_will_delay(t, 1, 100);
    {
        Client c{t};
        c.connect(connect);
        c.send(Disconnect{.code = 0x04});
        c.expect_closed_silently();
    }
    watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"});
    {
        Client c{t};
        c.connect(connect);
        c.send(Disconnect{.code = 0x00});
        c.expect_closed_silently();
    }
    pass_time(watcher, milliseconds{2500});
}

}  // namespace

}  // namespace martlet::conformance
