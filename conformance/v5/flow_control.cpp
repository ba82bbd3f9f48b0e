// Receive Maximum and Maximum Packet Size, in both directions.

#include <algorithm>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

MARTLET_TEST(v5_receive_maximum, "never more in flight than the client's Receive Maximum",
             V5{"MQTT-3.3.4-9", "MQTT-4.9.0-2"}) {
    for (const std::uint32_t maximum : {1U, 3U}) {
        t.form("Receive Maximum " + std::to_string(maximum), [&] {
            const auto name = std::to_string(maximum);
            Client pub{t, "pub" + name};
            Client sub{t, "sub" + name};
            pub.connect();
            sub.connect(Connect{.properties = {number(receive_maximum, maximum)}});
            sub.subscribe(t.topic(name), 2);
            constexpr int count = 9;
            for (int i = 0; i < count; ++i) {
                pub.publish(Publish{.topic = t.topic(name),
                                    .payload = std::to_string(i),
                                    .qos = i % 2 == 0 ? 1U : 2U});
            }
            std::deque<Packet> in_flight;
            for (int i = 0; i < count;) {
                sub.ping();
                while (auto packet = sub.receive_until(Clock::now())) {
                    in_flight.push_back(*packet);
                }
                Trial::check(!in_flight.empty(), "the flow has stopped");
                Trial::check(in_flight.size() <= maximum,
                             std::to_string(in_flight.size()) + " messages in flight");
                Trial::check(in_flight.front().payload == std::to_string(i), "another order");
                sub.acknowledge(in_flight.front());
                in_flight.pop_front();
                ++i;
            }
            sub.expect_nothing();
        });
    }
}

MARTLET_TEST(v5_receive_maximum_pubrec, "PUBREC does not end a flight, a refusing one does",
             V5{"MQTT-3.3.4-9", "MQTT-4.9.0-1", "MQTT-4.9.0-2"}) {
    Client pub{t, "pub"};
    Client sub{t, "sub"};
    pub.connect();
    sub.connect(Connect{.properties = {number(receive_maximum, 1)}});
    sub.subscribe(t.topic("a"), 2);
    for (const auto* payload : {"1", "2", "3"}) {
        pub.publish(Publish{.topic = t.topic("a"), .payload = payload, .qos = 2});
    }
    const auto one = sub.expect(Publish{.topic = t.topic("a"), .payload = "1", .qos = 2});
    sub.send(Ack{.type = Type::pubrec, .id = one.id});
    sub.expect(Ack{.type = Type::pubrel, .id = one.id});
    sub.expect_nothing();
    sub.send(Ack{.type = Type::pubcomp, .id = one.id});
    const auto two = sub.expect(Publish{.topic = t.topic("a"), .payload = "2", .qos = 2});
    sub.expect_nothing();
    sub.send(Ack{.type = Type::pubrec, .id = two.id, .code = 0x80});
    sub.take(Publish{.topic = t.topic("a"), .payload = "3", .qos = 2});
}

MARTLET_TEST(v5_quota_of_others, "at the quota's end all other packets go on",
             V5{"MQTT-3.3.4-10", "MQTT-4.9.0-3"}) {
    Client pub{t, "pub"};
    Client sub{t, "sub"};
    pub.connect();
    sub.connect(Connect{.properties = {number(receive_maximum, 1)}});
    sub.subscribe(t.topic("a"), 1);
    for (const auto* payload : {"1", "2"}) {
        pub.publish(Publish{.topic = t.topic("a"), .payload = payload, .qos = 1});
    }
    const auto one = sub.expect(Publish{.topic = t.topic("a"), .payload = "1", .qos = 1});
    sub.ping();
    sub.subscribe(t.topic("b"), 0);
    sub.unsubscribe(t.topic("b"));
    sub.publish(Publish{.topic = t.topic("c"), .payload = "x", .qos = 1});
    sub.publish(Publish{.topic = t.topic("c"), .payload = "x", .qos = 2});
    sub.expect_nothing();
    sub.acknowledge(one);
    sub.take(Publish{.topic = t.topic("a"), .payload = "2", .qos = 1});
    sub.expect_nothing();
}

MARTLET_TEST(v5_receive_maximum_zero_qos, "QoS 0 needs no quota",
             V5{"MQTT-4.9.0-2", "MQTT-4.9.0-3"}) {
    Client c{t};
    c.connect(Connect{.properties = {number(receive_maximum, 1)}});
    c.subscribe(t.topic("a"), 1);
    c.publish(Publish{.topic = t.topic("a"), .payload = "1", .qos = 1});
    c.expect(Publish{.topic = t.topic("a"), .payload = "1", .qos = 1});
    for (const auto* payload : {"2", "3"}) {
        c.send_publish(Publish{.topic = t.topic("a"), .payload = payload});
        c.expect(Publish{.topic = t.topic("a"), .payload = payload});
    }
}

MARTLET_TEST(v5_server_receive_maximum, "more than the server's Receive Maximum closes",
             V5{"MQTT-3.3.4-7"}) {
    Client c{t};
    const auto maximum = c.connect().number(receive_maximum).value_or(65'535);
    if (maximum > 5'000) {
        throw Skipped{"the server's Receive Maximum is too large to be exceeded"};
    }
    Bytes all;
    for (std::uint32_t i = 1; i <= maximum + 1; ++i) {
        all += encode(Publish{.topic = t.topic("a"), .qos = 2, .id = static_cast<std::uint16_t>(i)},
                      Version::v5);
    }
    c.send_raw(all);
    while (const auto packet = c.receive()) {
        if (packet->type == Type::disconnect) {
            Trial::check(packet->code == 0x93, "another code than 0x93 (quota exceeded)");
            Trial::check(!c.receive(), "more after DISCONNECT");
            return;
        }
        Trial::check(packet->type == Type::pubrec && packet->id <= maximum,
                     "one more than Receive Maximum is accepted");
    }
}

// The smallest limit that this server's CONNACK still fits.
std::uint32_t tight_limit(Trial& t) {
    Client probe{t, "probe"};
    const auto connack = probe.connect(Connect{.properties = {number(maximum_packet_size, 1000)}});
    return std::max<std::uint32_t>(static_cast<std::uint32_t>(connack.raw.size()), 16);
}

void expect_fits(const Packet& packet, std::uint32_t limit) {
    Trial::check(packet.raw.size() <= limit, "a packet of " + std::to_string(packet.raw.size()) +
                                                 " bytes, the limit is " + std::to_string(limit));
}

// Too large because of that property, which may have company.
void expect_fits_with(const Packet& packet, std::uint32_t limit, PropertyId property) {
    if (packet.has(property)) {
        expect_fits(packet, limit);
    }
}

MARTLET_TEST(v5_too_large, "a message too large for a client is as if delivered",
             V5{"MQTT-3.1.2-24", "MQTT-3.1.2-25"}) {
    Client pub{t, "pub"};
    Client sub{t, "sub"};
    Client other{t, "other"};
    pub.connect();
    sub.connect(
        Connect{.properties = {number(maximum_packet_size, 200), number(receive_maximum, 2)}});
    other.connect();
    sub.subscribe(t.topic("a"), 2);
    other.subscribe(t.topic("a"), 2);
    for (int i = 0; i < 4; ++i) {
        for (const unsigned qos : {0U, 1U, 2U}) {
            const std::string large(300, 'x');
            pub.publish(Publish{.topic = t.topic("a"), .payload = large, .qos = qos});
            other.take(Publish{.topic = t.topic("a"), .payload = large, .qos = qos});
        }
    }
    sub.expect_nothing();
    pub.publish(Publish{.topic = t.topic("a"), .payload = "small", .qos = 1});
    expect_fits(sub.take(Publish{.topic = t.topic("a"), .payload = "small", .qos = 1}), 200);
}

MARTLET_TEST(v5_too_large_exactly, "a packet of just the Maximum Packet Size is delivered",
             V5{"MQTT-3.1.2-24"}) {
    Client c{t};
    c.connect(Connect{.properties = {number(maximum_packet_size, 120)}});
    c.subscribe(t.topic("a"), 0);
    const auto empty = encode(Publish{.topic = t.topic("a")}, Version::v5).size();
    const std::string fits(120 - empty, 'x');
    c.send_publish(Publish{.topic = t.topic("a"), .payload = fits});
    c.expect(Publish{.topic = t.topic("a"), .payload = fits});
    c.send_publish(Publish{.topic = t.topic("a"), .payload = fits + "x"});
    c.expect_nothing();
    // User Properties count too, and are never left out.
    c.send_publish(Publish{.topic = t.topic("a"), .payload = fits, .properties = {user("a", "b")}});
    c.expect_nothing();
}

// Makes a server send every packet that may explain itself, within a limit that leaves no room.
void try_acks(Trial& t, PropertyId property) {
    const auto limit = tight_limit(t);
    Client c{t};
    const auto check = [&](const Packet& packet) { expect_fits_with(packet, limit, property); };
    check(c.connect(Connect{.properties = {number(maximum_packet_size, limit)}}));
    check(c.publish(Publish{.topic = t.topic("nobody"), .qos = 1}));
    check(c.publish(Publish{.topic = t.topic("nobody"), .qos = 2}));
    c.send(Ack{.type = Type::pubrel, .id = 999});
    check(c.await(Type::pubcomp, 999));
    check(c.subscribe(Subscribe{.subscriptions = {{.filter = "$share/g/" + t.topic("a")}}}));
    c.send(Unsubscribe{.id = 998, .filters = {t.topic("never")}});
    check(c.await(Type::unsuback, 998));
}

MARTLET_TEST(v5_acks_fit_with_reason, "no Reason String makes an acknowledgement too large",
             V5{"MQTT-3.2.2-19", "MQTT-3.4.2-2", "MQTT-3.5.2-2", "MQTT-3.7.2-2", "MQTT-3.9.2-1",
                "MQTT-3.11.2-1"}) {
    try_acks(t, reason_string);
}

MARTLET_TEST(v5_acks_fit_with_user_properties, "no User Property makes one too large either",
             V5{"MQTT-3.2.2-20", "MQTT-3.4.2-3", "MQTT-3.5.2-3", "MQTT-3.7.2-3", "MQTT-3.9.2-2",
                "MQTT-3.11.2-2"}) {
    try_acks(t, user_property);
}

MARTLET_TEST(v5_acks_have_codes, "acknowledgements have reason codes of their own tables",
             V5{"MQTT-3.4.2-1", "MQTT-3.5.2-1", "MQTT-3.7.2-1", "MQTT-3.9.3-2", "MQTT-3.11.3-2"}) {
    // The client looks at the codes of all that it gets; here are those that are not 0 either.
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = t.topic("nobody"), .qos = 1});
    c.publish(Publish{.topic = t.topic("nobody"), .qos = 2});
    c.send(Ack{.type = Type::pubrel, .id = 999});
    const auto unknown = c.await(Type::pubcomp, 999);
    Trial::check(unknown.code == 0 || unknown.code == 0x92, "another code than 0x92");
    c.subscribe(Subscribe{.subscriptions = {{.filter = "$share/g/" + t.topic("a")}}});
    c.send(Unsubscribe{.id = 998, .filters = {t.topic("never")}});
    c.expect(Unsuback{.id = 998, .codes = {0x11}});
}

// A PUBREC that has much to say, and one for nothing, which may be answered with 0x92.
void try_pubrels(Trial& t, PropertyId property) {
    const auto limit = std::max(tight_limit(t), 60U);
    Client c{t};
    c.connect(Connect{.properties = {number(maximum_packet_size, limit)}});
    c.subscribe(t.topic("a"), 2);
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    const auto got = c.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    c.send(Ack{Type::pubrec, got.id, 0, {Property{.id = property, .text = std::string(99, 'x')}}});
    expect_fits(c.expect(Ack{.type = Type::pubrel, .id = got.id}), limit);
    c.send(Ack{.type = Type::pubcomp, .id = got.id});
    c.send(Ack{.type = Type::pubrec, .id = 777});
    c.ping();
    if (const auto answer = c.receive_until(Clock::now())) {
        Trial::check(answer->type == Type::pubrel && answer->id == 777, "another answer");
        expect_fits(*answer, limit);
    }
}

MARTLET_TEST(v5_pubrel_fits_with_reason, "PUBREL has a code of its own, and fits",
             V5{"MQTT-3.6.2-1", "MQTT-3.6.2-2"}) {
    try_pubrels(t, reason_string);
}

MARTLET_TEST(v5_pubrel_fits_with_user_properties, "and repeats no User Property that does not fit",
             V5{"MQTT-3.6.2-3"}) {
    try_pubrels(t, user_property);
}

std::vector<Form> violations(const Trial& t) {
    return {
        {"QoS 3", frame(0x36, str(t.topic("a")) + u16(1) + u8(0))},
        {"alias 0", frame(0x30, str("a") + encode(Properties{number(topic_alias, 0)}))},
        {"an unknown type", frame(0x00, {})},
        {"a wildcard", encode(Publish{.topic = "a/#"}, Version::v5)},
        {"no filter", frame(0x82, u16(1) + u8(0))},
    };
}

MARTLET_TEST(v5_disconnect_is_last, "a server's DISCONNECT has no expiry, and is its last word",
             V5{"MQTT-3.14.2-2", "MQTT-3.14.4-1", "MQTT-3.14.4-2", "MQTT-4.13.2-1"}) {
    for (const auto& form : violations(t)) {
        t.form(form.name, [&] {
            Client c{t};
            c.connect(Connect{.properties = {number(session_expiry, 10)}});
            t.remember_session(c.id());
            c.send_raw(form.bytes + encode(Pingreq{}, Version::v5));
            if (const auto packet = c.receive()) {
                Trial::check(packet->type == Type::disconnect && packet->code >= 0x80,
                             "another answer: " + to_text(*packet));
                Trial::check(!c.receive(), "more after DISCONNECT");
            }
        });
    }
}

void try_disconnects(Trial& t, PropertyId property) {
    const auto limit = tight_limit(t);
    for (const auto& form : violations(t)) {
        t.form(form.name, [&] {
            Client c{t};
            c.connect(Connect{.properties = {number(maximum_packet_size, limit)}});
            c.send_raw(form.bytes);
            if (const auto packet = c.receive()) {
                expect_fits_with(*packet, limit, property);
            }
        });
    }
}

MARTLET_TEST(v5_disconnect_fits_with_reason, "no Reason String makes a DISCONNECT too large",
             V5{"MQTT-3.1.2-24", "MQTT-3.14.2-3"}) {
    try_disconnects(t, reason_string);
}

MARTLET_TEST(v5_disconnect_fits_with_user_properties, "no User Property makes one too large either",
             V5{"MQTT-3.1.2-24", "MQTT-3.14.2-4"}) {
    try_disconnects(t, user_property);
}

}  // namespace

}  // namespace martlet::conformance
