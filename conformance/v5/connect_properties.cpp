// CONNECT and CONNACK of MQTT 5: properties, assigned names, refusals.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

// A CONNECT whose property block is just these bytes.
Bytes connect_with_block(const Trial& t, const Bytes& block) {
    return frame(0x10, str("MQTT") + u8(5) + u8(2) + u16(60) +
                           varint(static_cast<std::uint32_t>(block.size())) + block +
                           str(t.id("c")));
}

Bytes will_with_block(const Trial& t, const Bytes& block) {
    return frame(0x10, str("MQTT") + u8(5) + u8(6) + u16(60) + u8(0) + str(t.id("c")) +
                           varint(static_cast<std::uint32_t>(block.size())) + block +
                           str(t.topic("will")) + str("gone"));
}

MARTLET_TEST(v5_connect_bad_properties, "properties that CONNECT may not have close the connection",
             V5{"MQTT-3.1.4-1", "MQTT-4.13.1-1"}) {
    using enum PropertyId;
    for (const auto id :
         {payload_format, message_expiry, content_type, response_topic, correlation_data,
          subscription_identifier, assigned_client_id, server_keep_alive, will_delay,
          response_information, server_reference, reason_string, topic_alias, maximum_qos,
          retain_available, wildcard_available, subscription_identifiers_available,
          shared_available}) {
        const auto block = encode(Property{.id = id, .number = 1, .text = "a"});
        expect_no_connection_on(t, "property " + std::to_string(static_cast<int>(id)),
                                connect_with_block(t, block));
    }
    expect_no_connection_on(t, "an unknown property", connect_with_block(t, u8(0x7E) + u8(0)));
    expect_no_connection_on(t, "property 0", connect_with_block(t, u8(0) + u8(0)));
}

MARTLET_TEST(v5_connect_repeated_properties, "a property that may come once may not come twice",
             V5{"MQTT-3.1.4-1", "MQTT-4.13.1-1"}) {
    using enum PropertyId;
    for (const auto id : {session_expiry, receive_maximum, maximum_packet_size, topic_alias_maximum,
                          request_response_information, request_problem_information}) {
        const auto one = encode(number(id, 1));
        expect_no_connection_on(t, "property " + std::to_string(static_cast<int>(id)),
                                connect_with_block(t, one + one));
    }
    const auto delay = encode(number(will_delay, 1));
    expect_no_connection_on(t, "Will Delay Interval", will_with_block(t, delay + delay));
}

MARTLET_TEST(v5_connect_bad_values, "properties of CONNECT with values they may not have close",
             V5{"MQTT-3.1.4-1", "MQTT-4.13.1-1"}) {
    using enum PropertyId;
    const auto try_value = [&](std::string_view name, PropertyId id, std::uint32_t value) {
        expect_no_connection_on(t, name, connect_with_block(t, encode(number(id, value))));
    };
    try_value("Receive Maximum 0", receive_maximum, 0);
    try_value("Maximum Packet Size 0", maximum_packet_size, 0);
    try_value("Request Response Information 2", request_response_information, 2);
    try_value("Request Problem Information 2", request_problem_information, 2);
    expect_no_connection_on(t, "Authentication Data without a method",
                            connect_with_block(t, encode(text(authentication_data, "x"))));
    expect_no_connection_on(
        t, "a block longer than the packet",
        frame(0x10, str("MQTT") + u8(5) + u8(2) + u16(60) + u8(100) + str(t.id("c"))));
    expect_no_connection_on(t, "a property cut short", connect_with_block(t, u8(0x11) + u16(0)));
}

MARTLET_TEST(v5_connect_long_varint, "a Property Length with more bytes than it needs is malformed",
             V5{"MQTT-1.5.5-1"}) {
    expect_no_connection_on(
        t, "zero in two bytes",
        frame(0x10, str("MQTT") + u8(5) + u8(2) + u16(60) + u8(0x80) + u8(0) + str(t.id("c"))));
    expect_no_connection_on(t, "zero in four bytes",
                            frame(0x10, str("MQTT") + u8(5) + u8(2) + u16(60) + u8(0x80) +
                                            u8(0x80) + u8(0x80) + u8(0) + str(t.id("c"))));
    // Five bytes are none at all; all but the last have their top bit set.
    expect_no_connection_on(t, "five bytes",
                            frame(0x10, str("MQTT") + u8(5) + u8(2) + u16(60) + u8(0x80) +
                                            u8(0x80) + u8(0x80) + u8(0x80) + u8(1)));
}

MARTLET_TEST(v5_connect_user_properties, "User Properties of CONNECT are two well-formed texts",
             V5{"MQTT-1.5.7-1", "MQTT-1.5.4-1"}) {
    for (const auto& form : ill_formed_texts()) {
        expect_no_connection_on(t, form.name,
                                connect_with_block(t, encode(user(form.bytes, "value"))));
        expect_no_connection_on(t, form.name,
                                connect_with_block(t, encode(user("name", form.bytes))));
        expect_no_connection_on(t, form.name, will_with_block(t, encode(user("name", form.bytes))));
    }
}

MARTLET_TEST(v5_connect_all_properties, "a CONNECT with all of its properties is accepted",
             V5{"MQTT-3.1.4-5", "MQTT-3.2.2-1", "MQTT-3.2.2-8"}) {
    using enum PropertyId;
    Client c{t};
    c.connect(Connect{
        .will =
            Will{.topic = t.topic("will"),
                 .properties = {number(will_delay, 1), number(payload_format, 1),
                                number(message_expiry, 10), text(content_type, "text/plain"),
                                text(response_topic, t.topic("response")),
                                text(correlation_data, "data"), user("a", "1"), user("a", "2")}},
        .properties = {number(session_expiry, 0), number(receive_maximum, 10),
                       number(maximum_packet_size, 10'000), number(topic_alias_maximum, 5),
                       number(request_response_information, 1),
                       number(request_problem_information, 1), user("b", "1"), user("b", "1")}});
    c.expect_nothing();
    c.disconnect();
}

MARTLET_TEST(v5_unknown_version, "an unknown version is refused, with 0x84 if at all, and closed",
             V5{"MQTT-3.1.2-2", "MQTT-3.2.2-7", "MQTT-4.13.2-1"}) {
    for (const unsigned level : {0U, 1U, 2U, 6U, 99U}) {
        t.form("version " + std::to_string(level), [&] {
            Client c{t};
            c.send_connect(Connect{.level = level});
            // How such a CONNACK is written is not defined; 3.1.1 has a code for it too.
            Bytes raw;
            c.expect_end_of_foreign(raw);
            const bool is_v5 = raw.size() >= 4 && raw[3] == '\x84';
            const bool is_v311 = raw == Bytes("\x20\x02\x00\x01", 4);
            Trial::check(raw.empty() || is_v5 || is_v311, "another answer: " + to_hex(raw));
        });
    }
}

MARTLET_TEST(v5_assigned_client_id, "an empty ClientID gets a name, which is told and works",
             V5{"MQTT-3.1.3-6", "MQTT-3.1.3-7", "MQTT-3.2.2-16"}) {
    std::string name;
    {
        Client first{t, "first"};
        Client second{t, "second"};
        auto connect = t.persistent();
        connect.client_id = "";
        const auto one = first.connect(connect).text(PropertyId::assigned_client_id);
        const auto two =
            second.connect(Connect{.client_id = ""}).text(PropertyId::assigned_client_id);
        Trial::check(one && !one->empty() && two && !two->empty(), "no Assigned Client Identifier");
        Trial::check(one != two, "two clients have the same Assigned Client Identifier");
        name = *one;
        first.subscribe(t.topic("a"), 1);
        first.disconnect();
    }
    Client again{t, "again"};
    auto connect = t.persistent();
    connect.client_id = name;
    again.send_connect(connect);
    const auto answer = again.expect(Connack{.session_present = true});
    Trial::check(!answer.has(PropertyId::assigned_client_id),
                 "an Assigned Client Identifier for a client that has a name");
}

MARTLET_TEST(v5_refused_client_id, "a refused ClientID ends the connection, with 0x85 if at all",
             V5{"MQTT-3.1.3-8", "MQTT-3.2.2-6", "MQTT-3.2.2-7"}) {
    // Not every server refuses one; where it does, this is how.
    for (const auto& id : {std::string{}, std::string(65'535, 'x'), std::string{"a/b"},
                           std::string{"+"}, std::string{"\x01"}}) {
        t.form(printable(id), [&] {
            Client c{t};
            c.send_connect(Connect{.client_id = id, .clean = id.size() != 65'535});
            const auto answer = c.receive();
            if (!answer || answer->code == 0) {
                return;
            }
            Trial::check(answer->type == Type::connack, "another answer");
            Trial::check(!answer->session_present, "Session Present in a refusal");
            Trial::check(c.expect_closed().type == std::nullopt, "more than the CONNACK");
        });
    }
}

MARTLET_TEST(v5_refused_and_closed, "a refused CONNECT is answered once at most, and closed",
             V5{"MQTT-3.1.4-2", "MQTT-3.2.2-6", "MQTT-3.2.2-7", "MQTT-4.12.0-1", "MQTT-4.13.2-1"}) {
    for (const auto* method : {"no-such-method", "", "x"}) {
        t.form(method, [&] {
            Client c{t};
            c.send_connect(
                Connect{.properties = {text(PropertyId::authentication_method, method)}});
            const auto answer = c.receive();
            if (answer) {
                Trial::check(answer->type == Type::connack && answer->code >= 0x80,
                             "a method that does not exist is accepted");
                Trial::check(answer->code == 0x8C || answer->code == 0x87,
                             "another code than 0x8C and 0x87");
                Trial::check(!answer->session_present, "Session Present in a refusal");
                Trial::check(!c.expect_closed().type, "more than the CONNACK");
            }
        });
    }
}

MARTLET_TEST(v5_no_disconnect_before_connack, "a server sends no DISCONNECT before its CONNACK",
             V5{"MQTT-3.14.0-1", "MQTT-3.2.0-1"}) {
    const std::vector<Form> forms{
        {"PINGREQ", encode(Pingreq{}, Version::v5)},
        {"QoS 3 of the will", frame(0x10, str("MQTT") + u8(5) + u8(0x1E) + u16(60))},
        {"reserved flag", frame(0x10, str("MQTT") + u8(5) + u8(3) + u16(60) + u8(0) + str("a"))},
        {"bad property", connect_with_block(t, u8(0x7E) + u8(0))},
        {"AUTH", encode(Auth{.code = 0x18}, Version::v5)},
    };
    for (const auto& form : forms) {
        t.form(form.name, [&] {
            Client c{t};
            c.send_raw(form.bytes);
            Trial::check(c.expect_closed().type != Type::disconnect, "a DISCONNECT");
        });
    }
}

MARTLET_TEST(v5_response_information, "Response Information only for whom asks",
             V5{"MQTT-3.1.2-28"}) {
    Client silent{t, "silent"};
    Trial::check(!silent.connect().has(PropertyId::response_information), "it comes unasked");
    Client zero{t, "zero"};
    const auto answer =
        zero.connect(Connect{.properties = {number(PropertyId::request_response_information, 0)}});
    Trial::check(!answer.has(PropertyId::response_information), "it comes though refused");
}

MARTLET_TEST(v5_no_problem_information, "without Problem Information few packets may explain",
             V5{"MQTT-3.1.2-29"}) {
    Client c{t};
    c.connect(Connect{.properties = {number(PropertyId::request_problem_information, 0)}});
    const auto check = [](const Packet& packet) {
        Trial::check(
            !packet.has(PropertyId::reason_string) && !packet.has(PropertyId::user_property),
            std::string(to_text(packet.type)) + " explains");
    };
    check(c.publish(Publish{.topic = t.topic("nobody"), .qos = 1}));
    check(c.publish(Publish{.topic = t.topic("nobody"), .qos = 2}));
    c.send(Ack{.type = Type::pubrel, .id = 999});
    check(c.await(Type::pubcomp, 999));
    check(c.subscribe(Subscribe{.subscriptions = {{.filter = t.topic("a")}}}));
    c.send(Unsubscribe{.id = 998, .filters = {t.topic("never")}});
    check(c.await(Type::unsuback, 998));
    // The refusals above may be successes elsewhere; these topics are often not allowed.
    c.send_publish(Publish{.topic = "$SYS/" + t.topic("a"), .qos = 1, .id = 997});
    if (const auto answer = c.receive(); answer && answer->type != Type::disconnect) {
        check(*answer);
    }
}

MARTLET_TEST(v5_maximum_qos, "Maximum QoS is told, or all of them work",
             V5{"MQTT-3.2.2-9", "MQTT-3.2.2-8"}) {
    Client c{t};
    const auto maximum = c.connect().number(PropertyId::maximum_qos).value_or(2);
    for (unsigned qos = 0; qos <= maximum; ++qos) {
        c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos});
    }
    c.expect_nothing();
}

MARTLET_TEST(v5_maximum_qos_subscribe, "every QoS may be subscribed to, whatever Maximum QoS",
             V5{"MQTT-3.2.2-10"}) {
    Client c{t};
    const auto maximum = c.connect().number(PropertyId::maximum_qos).value_or(2);
    for (const unsigned qos : {0U, 1U, 2U}) {
        const auto answer = c.subscribe(
            Subscribe{.subscriptions = {{.filter = t.topic(std::to_string(qos)), .qos = qos}}});
        Trial::check(answer.codes.size() == 1 && answer.codes[0] <= std::min(qos, maximum),
                     "QoS " + std::to_string(qos) + " is refused");
    }
}

MARTLET_TEST(v5_will_above_maximum_qos, "a will above Maximum QoS is refused",
             V5{"MQTT-3.2.2-12"}) {
    Client probe{t, "probe"};
    const auto maximum = probe.connect().number(PropertyId::maximum_qos);
    if (!maximum) {
        throw Skipped{"the server supports every QoS"};
    }
    Client c{t};
    c.send_connect(Connect{.will = Will{.topic = t.topic("will"), .qos = *maximum + 1}});
    c.expect_closed();
}

MARTLET_TEST(v5_will_retain_unavailable, "a retained will is refused where nothing is retained",
             V5{"MQTT-3.2.2-13"}) {
    Client probe{t, "probe"};
    if (probe.connect().number(PropertyId::retain_available).value_or(1) == 1) {
        throw Skipped{"the server retains messages"};
    }
    Client c{t};
    c.send_connect(Connect{.will = Will{.topic = t.topic("will"), .retain = true}});
    c.expect_closed();
}

}  // namespace

}  // namespace martlet::conformance
