// The fixed header and Packet Identifiers: flags, lengths, and identifiers that are not zero.

#include <array>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

constexpr std::array<std::uint16_t, 5> edge_ids{1, 255, 256, 0xABCD, 65535};

// The same packet with each wrong value of its reserved flags.
void try_wrong_flags(Trial& t, std::string_view name, const Bytes& packet,
                     const std::vector<unsigned>& wrong_flags) {
    for (const unsigned flags : wrong_flags) {
        Bytes wrong = packet;
        wrong[0] = u8((static_cast<unsigned char>(packet[0]) & 0xF0U) | flags)[0];
        expect_close_on(t, std::string(name) + " with flags " + std::to_string(flags), wrong);
    }
}

MARTLET_TEST(flags_of_acks, "wrong flags of acknowledgements close the connection",
             V311{"MQTT-2.2.2-2"}, V5{"MQTT-2.1.3-1"}) {
    const std::vector<unsigned> wrong{1, 2, 4, 8, 15};
    try_wrong_flags(t, "PUBACK", frame(0x40, u16(1)), wrong);
    try_wrong_flags(t, "PUBREC", frame(0x50, u16(1)), wrong);
    try_wrong_flags(t, "PUBCOMP", frame(0x70, u16(1)), wrong);
}

MARTLET_TEST(flags_of_ping, "wrong flags of PINGREQ close the connection", V311{"MQTT-2.2.2-2"},
             V5{"MQTT-2.1.3-1"}) {
    try_wrong_flags(t, "PINGREQ", frame(0xC0, {}), {1, 2, 4, 8, 15});
}

MARTLET_TEST(flags_of_connect, "wrong flags of CONNECT close the connection",
             V311{"MQTT-2.2.2-2", "MQTT-3.1.4-1"}, V5{"MQTT-2.1.3-1", "MQTT-3.1.4-1"}) {
    for (const unsigned flags : {1U, 2U, 4U, 8U, 15U}) {
        Bytes wrong = encode(Connect{.client_id = t.id("c")}, t.target.version);
        wrong[0] = u8(0x10 | flags)[0];
        expect_no_connection_on(t, "flags " + std::to_string(flags), wrong);
    }
}

MARTLET_TEST(flags_of_pubrel, "flags of PUBREL other than 0010 close the connection",
             V311{"MQTT-3.6.1-1", "MQTT-2.2.2-2"}, V5{"MQTT-3.6.1-1", "MQTT-2.1.3-1"}) {
    try_wrong_flags(t, "PUBREL", frame(0x62, u16(1)), {0, 1, 3, 6, 10, 15});
}

MARTLET_TEST(flags_of_subscribe, "flags of SUBSCRIBE other than 0010 close the connection",
             V311{"MQTT-3.8.1-1", "MQTT-2.2.2-2"}, V5{"MQTT-3.8.1-1", "MQTT-2.1.3-1"}) {
    const Subscribe subscribe{.id = 1, .subscriptions = {{.filter = t.topic("a")}}};
    try_wrong_flags(t, "SUBSCRIBE", encode(subscribe, t.target.version), {0, 1, 3, 6, 10, 15});
}

MARTLET_TEST(flags_of_unsubscribe, "flags of UNSUBSCRIBE other than 0010 close the connection",
             V311{"MQTT-3.10.1-1", "MQTT-2.2.2-2"}, V5{"MQTT-3.10.1-1", "MQTT-2.1.3-1"}) {
    const Unsubscribe unsubscribe{.id = 1, .filters = {t.topic("a")}};
    try_wrong_flags(t, "UNSUBSCRIBE", encode(unsubscribe, t.target.version), {0, 1, 3, 6, 10, 15});
}

MARTLET_TEST(flags_from_server, "whatever a server sends has the flags of its type",
             V311{"MQTT-2.2.2-1", "MQTT-2.3.1-5"}, V5{"MQTT-2.1.3-1", "MQTT-2.2.1-2"}) {
    // The client looks at the flags of all that it gets; this makes it get every type.
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 2);
    for (const unsigned qos : {0U, 1U, 2U}) {
        c.publish(Publish{.topic = t.topic("a"), .payload = "payload", .qos = qos});
        // At QoS 0 an identifier would show as two bytes more of the payload.
        c.take(Publish{.topic = t.topic("a"), .payload = "payload", .qos = qos});
    }
    c.unsubscribe(t.topic("a"));
    c.expect_nothing();
}

MARTLET_TEST(length_is_wrong, "a Remaining Length that does not fit the packet closes",
             V311{"MQTT-4.8.0-1"}, V5{"MQTT-4.13.1-1"}) {
    expect_close_on(t, "PINGREQ with a body", frame(0xC0, "a"));
    expect_close_on(t, "PUBACK of one byte", frame(0x40, u8(1)));
    expect_close_on(t, "PUBLISH without a topic", frame(0x30, {}));
    expect_close_on(t, "PUBLISH whose topic is longer than the packet",
                    frame(0x30, u16(9) + "abc"));
    expect_close_on(t, "SUBSCRIBE of one byte", frame(0x82, u8(0)));
    expect_close_on(t, "SUBSCRIBE whose filter is cut",
                    frame(0x82, u16(1) + no_properties(t) + u16(9) + "abc"));
    expect_close_on(t, "SUBSCRIBE without the filter's options",
                    frame(0x82, u16(1) + no_properties(t) + str(t.topic("a"))));
    expect_close_on(t, "UNSUBSCRIBE whose filter is cut",
                    frame(0xA2, u16(1) + no_properties(t) + u16(9) + "abc"));
}

MARTLET_TEST(length_of_five_bytes, "a Remaining Length of more than four bytes closes",
             V311{"MQTT-4.8.0-1"}, V5{"MQTT-1.5.5-1", "MQTT-4.13.1-1"}) {
    expect_close_on(t, "five length bytes", Bytes("\x30\xFF\xFF\xFF\xFF\x01", 6));
    expect_close_on(t, "zero in five bytes", Bytes("\x30\x80\x80\x80\x80\x00", 6));
}

MARTLET_TEST(length_in_pieces, "a packet may come byte by byte, and several at once",
             V311{"MQTT-7.1.1-1", "MQTT-7.0.0-2"}, V5{"MQTT-4.2-1"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a"), 0);
    const auto packet = encode(Publish{.topic = t.topic("a"), .payload = "x"}, t.target.version);
    for (const char byte : packet) {
        c.send_raw(Bytes(1, byte));
    }
    c.expect(Publish{.topic = t.topic("a"), .payload = "x"});
    c.send_raw(packet + packet + packet.substr(0, 5));
    c.send_raw(packet.substr(5));
    for (int i = 0; i < 3; ++i) {
        c.expect(Publish{.topic = t.topic("a"), .payload = "x"});
    }
    const std::string large(100'000, 'x');
    c.send_publish(Publish{.topic = t.topic("a"), .payload = large});
    c.expect(Publish{.topic = t.topic("a"), .payload = large});
    c.expect_nothing();
}

MARTLET_TEST(type_is_wrong, "a packet that no client may send closes the connection",
             V311{"MQTT-4.8.0-1"}, V5{"MQTT-4.13.1-1"}) {
    expect_close_on(t, "type 0", frame(0x00, {}));
    expect_close_on(t, "CONNACK", frame(0x20, u16(0) + no_properties(t)));
    expect_close_on(t, "SUBACK", frame(0x90, u16(1) + no_properties(t) + u8(0)));
    expect_close_on(t, "UNSUBACK", frame(0xB0, u16(1) + no_properties(t)));
    expect_close_on(t, "PINGRESP", frame(0xD0, {}));
    if (!t.is_v5()) {
        expect_close_on(t, "type 15", frame(0xF0, {}));
    }
}

MARTLET_TEST(identifier_zero, "a Packet Identifier of zero closes the connection",
             V311{"MQTT-2.3.1-1", "MQTT-4.8.0-1"}, V5{"MQTT-2.2.1-3", "MQTT-4.13.1-1"}) {
    const auto none = no_properties(t);
    const auto topic = str(t.topic("a"));
    expect_close_on(t, "SUBSCRIBE", frame(0x82, u16(0) + none + topic + u8(0)));
    expect_close_on(t, "UNSUBSCRIBE", frame(0xA2, u16(0) + none + topic));
    expect_close_on(t, "PUBLISH at QoS 1", frame(0x32, topic + u16(0) + none));
    expect_close_on(t, "PUBLISH at QoS 2", frame(0x34, topic + u16(0) + none));
}

MARTLET_TEST(identifiers_of_acks, "acknowledgements name the identifier of what they answer",
             V311{"MQTT-2.3.1-6", "MQTT-3.3.4-1"}, V5{"MQTT-2.2.1-5", "MQTT-3.3.4-1"}) {
    Client c{t};
    c.connect();
    for (const std::uint16_t id : edge_ids) {
        c.send_publish(Publish{.topic = t.topic("a"), .qos = 1, .id = id});
        c.expect(Ack{.type = Type::puback, .id = id});
        c.send_publish(Publish{.topic = t.topic("a"), .qos = 2, .id = id});
        c.expect(Ack{.type = Type::pubrec, .id = id});
        c.send(Ack{.type = Type::pubrel, .id = id});
        c.expect(Ack{.type = Type::pubcomp, .id = id});
    }
    c.send_publish(Publish{.topic = t.topic("a"), .qos = 0});
    c.expect_nothing();
}

MARTLET_TEST(identifiers_of_subscriptions, "SUBACK and UNSUBACK name the request's identifier",
             V311{"MQTT-2.3.1-7", "MQTT-3.8.4-1", "MQTT-3.8.4-2", "MQTT-3.10.4-4"},
             V5{"MQTT-2.2.1-6", "MQTT-3.8.4-1", "MQTT-3.8.4-2", "MQTT-3.10.4-4", "MQTT-3.10.4-5"}) {
    Client c{t};
    c.connect();
    for (const std::uint16_t id : edge_ids) {
        c.send_subscribe(Subscribe{.id = id, .subscriptions = {{.filter = t.topic("a")}}});
        c.expect(Suback{.id = id, .codes = {0}});
        c.send(Unsubscribe{.id = id, .filters = {t.topic("a")}});
        const auto answer = c.expect(Type::unsuback);
        Trial::check(answer.id == id, "the UNSUBACK has another identifier");
    }
}

MARTLET_TEST(identifiers_of_server, "a server's identifiers in flight are different ones",
             V311{"MQTT-2.3.1-1", "MQTT-2.3.1-4", "MQTT-4.3.2-1", "MQTT-4.3.3-1"},
             V5{"MQTT-2.2.1-4", "MQTT-4.3.2-1", "MQTT-4.3.3-1"}) {
    Client sub{t, "sub"};
    Client pub{t, "pub"};
    sub.connect();
    pub.connect();
    sub.subscribe(t.topic("a"), 2);
    std::vector<std::uint16_t> in_flight;
    for (int i = 0; i < 8; ++i) {
        const unsigned qos = i % 2 == 0 ? 1 : 2;
        const auto payload = std::to_string(i);
        pub.publish(Publish{.topic = t.topic("a"), .payload = payload, .qos = qos});
        const auto got = sub.expect(Publish{.topic = t.topic("a"), .payload = payload, .qos = qos});
        for (const auto other : in_flight) {
            Trial::check(got.id != other, "an identifier in flight is used for another message");
        }
        in_flight.push_back(got.id);
    }
}

}  // namespace

}  // namespace martlet::conformance
