// DISCONNECT and AUTH of MQTT 5.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"
#include "conformance/suite/scram.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

constexpr std::string_view method = "SCRAM-SHA-256";

MARTLET_TEST(v5_disconnect_reserved_bits, "DISCONNECT with reserved bits is answered with 0x81",
             V5{"MQTT-3.14.1-1"}) {
    for (const unsigned flags : {1U, 2U, 4U, 8U}) {
        t.form("flags " + std::to_string(flags), [&] {
            Client c{t};
            c.connect();
            c.send_raw(frame(0xE0 | flags, {}));
            const auto ending = c.expect_closed();
            Trial::check(ending.type == Type::disconnect && ending.code == 0x81,
                         "no DISCONNECT with 0x81 (Malformed Packet)");
        });
    }
}

MARTLET_TEST(v5_disconnect_closes, "a DISCONNECT of any form ends the connection",
             V5{"MQTT-3.14.4-3", "MQTT-2.2.2-1"}) {
    for (const auto& body : {Bytes{}, u8(0), u8(0) + u8(0), u8(0x04), u8(0x98) + u8(0)}) {
        t.form(to_hex(body), [&] {
            Client c{t};
            c.connect();
            c.send_raw(frame(0xE0, body));
            c.expect_closed_silently();
        });
    }
}

MARTLET_TEST(v5_disconnect_wrong_code, "a DISCONNECT with a code that clients may not use closes",
             V5{"MQTT-4.13.1-1"}) {
    for (const unsigned code : {0x01U, 0x89U, 0x8BU, 0x8EU, 0x9CU, 0xFFU}) {
        expect_close_on(t, "code " + std::to_string(code), frame(0xE0, u8(code)));
    }
}

MARTLET_TEST(v5_auth_flags, "AUTH with flags other than 0000 closes the connection",
             V5{"MQTT-3.15.1-1", "MQTT-2.1.3-1"}) {
    const auto body = u8(0x19) + encode(Properties{text(authentication_method, "x")});
    for (const unsigned flags : {1U, 2U, 4U, 8U}) {
        expect_close_on(t, "flags " + std::to_string(flags), frame(0xF0 | flags, body));
    }
}

MARTLET_TEST(v5_auth_without_method, "AUTH on a connection without a method closes it",
             V5{"MQTT-4.12.0-7", "MQTT-4.13.1-1"}) {
    for (const unsigned code : {0x00U, 0x18U, 0x19U}) {
        const Properties properties{text(authentication_method, std::string(method)),
                                    text(authentication_data, "x")};
        expect_close_on(t, "code " + std::to_string(code),
                        encode(Auth{code, properties}, Version::v5));
    }
}

MARTLET_TEST(v5_no_auth_unasked, "without a method there is no AUTH, and none in CONNACK",
             V5{"MQTT-4.12.0-6"}) {
    Client c{t};
    c.send_connect(Connect{});
    const auto answer = c.expect(Connack{});
    Trial::check(!answer.has(authentication_method) && !answer.has(authentication_data),
                 "CONNACK speaks of authentication");
    c.expect_nothing();
}

// Begins an exchange; the AUTH that the server answers with, if it knows the method.
Packet begin_scram(Trial& t, Client& c, const Scram& scram) {
    c.send(Connect{.client_id = c.id(),
                   .properties = {text(authentication_method, std::string(method)),
                                  text(authentication_data, scram.first())}});
    const auto answer = c.receive();
    if (!answer || answer->type != Type::auth) {
        throw Skipped{"the server has no enhanced authentication with SCRAM-SHA-256"};
    }
    t.check(answer->code == 0x18, "the AUTH is not 0x18 (Continue authentication)");
    t.check(answer->text(authentication_method) == method, "the AUTH has not the same method");
    return *answer;
}

void send_auth(Client& c, unsigned code, const std::string& data) {
    c.send(Auth{
        code, {text(authentication_method, std::string(method)), text(authentication_data, data)}});
}

MARTLET_TEST(v5_auth_exchange, "a server's AUTH is 0x18 and names the method, as does CONNACK",
             V5{"MQTT-4.12.0-2", "MQTT-4.12.0-5", "MQTT-3.15.2-1"}) {
    Scram scram{t.target.user.value_or("nobody"), t.target.password.value_or("nothing")};
    Client c{t};
    const auto challenge = begin_scram(t, c, scram);
    if (!t.target.user) {
        return;  // only with an account the exchange comes to a good end
    }
    send_auth(c, 0x18, scram.answer(challenge.text(authentication_data).value_or("")));
    const auto answer = c.expect(Connack{});
    t.check(answer.text(authentication_method) == method, "CONNACK has not the same method");
    c.ping();
}

MARTLET_TEST(v5_auth_fails, "a failed authentication closes the connection",
             V5{"MQTT-4.12.0-4", "MQTT-3.2.2-7"}) {
    Scram scram{t.target.user.value_or("nobody"), "the wrong password"};
    Client c{t};
    const auto challenge = begin_scram(t, c, scram);
    send_auth(c, 0x18, scram.answer(challenge.text(authentication_data).value_or("")));
    c.expect_closed();
}

MARTLET_TEST(v5_auth_fits, "nothing added to an AUTH makes it too large",
             V5{"MQTT-3.15.2-2", "MQTT-3.15.2-3"}) {
    const Scram scram{t.target.user.value_or("nobody"), "nothing"};
    Client probe{t, "probe"};
    const auto size = begin_scram(t, probe, scram).raw.size();
    Client c{t};
    c.send(Connect{.client_id = c.id(),
                   .properties = {number(maximum_packet_size, static_cast<std::uint32_t>(size)),
                                  text(authentication_method, std::string(method)),
                                  text(authentication_data, scram.first())}});
    const auto answer = c.receive();
    t.check(!answer || answer->raw.size() <= size, "a packet beyond the Maximum Packet Size");
}

MARTLET_TEST(v5_reauthentication_fails, "a failed re-authentication disconnects",
             V5{"MQTT-4.12.1-2"}) {
    if (!t.target.user) {
        throw Skipped{"re-authentication needs an account (--user, --password)"};
    }
    Scram good{*t.target.user, t.target.password.value_or("")};
    Client c{t};
    const auto challenge = begin_scram(t, c, good);
    send_auth(c, 0x18, good.answer(challenge.text(authentication_data).value_or("")));
    c.expect(Connack{});
    Scram bad{*t.target.user, "the wrong password"};
    send_auth(c, 0x19, bad.first());
    const auto again = c.expect(Type::auth);
    send_auth(c, 0x18, bad.answer(again.text(authentication_data).value_or("")));
    const auto ending = c.expect_closed();
    t.check(ending.type == Type::disconnect && ending.code >= 0x80, "no DISCONNECT that says why");
}

MARTLET_TEST(v5_refused_pubrec_frees, "after a refusing PUBREC the identifier is a new message",
             V5{"MQTT-4.3.3-9"}) {
    Client c{t};
    c.connect();
    const auto forbidden = "$SYS/" + t.topic("a");
    c.send_publish(Publish{.topic = forbidden, .payload = "x", .qos = 2, .id = 5});
    const auto answer = c.receive();
    if (!answer || answer->type != Type::pubrec || answer->code < 0x80) {
        throw Skipped{"the server refuses no QoS 2 message with a PUBREC"};
    }
    c.subscribe(t.topic("a"), 2);
    c.publish(Publish{.topic = t.topic("a"), .payload = "new", .qos = 2, .id = 5});
    c.take(Publish{.topic = t.topic("a"), .payload = "new", .qos = 2});
    c.expect_nothing();
}

MARTLET_TEST(v5_errors_have_codes, "malformed packets and protocol errors close the connection",
             V5{"MQTT-4.13.1-1"}) {
    const auto topic = str(t.topic("a"));
    const auto none = u8(0);
    expect_close_on(t, "PUBACK with an unknown code", frame(0x40, u16(1) + u8(0x01)));
    expect_close_on(t, "PUBREL with PUBREC's code", frame(0x62, u16(1) + u8(0x97)));
    expect_close_on(t, "a repeated Subscription Identifier",
                    frame(0x82, u16(1) +
                                    encode(Properties{number(subscription_identifier, 1),
                                                      number(subscription_identifier, 2)}) +
                                    topic + u8(0)));
    expect_close_on(t, "a SUBSCRIBE without a Property Length", frame(0x82, u16(1)));
    expect_close_on(t, "an UNSUBSCRIBE without a Property Length", frame(0xA2, u16(1)));
    expect_close_on(t, "a PUBLISH without a Property Length", frame(0x30, topic));
    expect_close_on(t, "an UNSUBACK from a client", frame(0xB0, u16(1) + none + u8(0)));
    Client c{t};
    c.connect();
    c.send(Disconnect{.properties = {number(session_expiry, 5)}});
    // The session had no expiry: it cannot be given one now.
    const auto ending = c.expect_closed();
    Trial::check(ending.code == 0 || ending.code == 0x82, "another code than 0x82");
}

}  // namespace

}  // namespace martlet::conformance
