// The properties of PUBLISH: what is carried to subscribers, and what closes the connection.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

Bytes publish_with_block(const Trial& t, const Bytes& block) {
    return frame(0x30, str(t.topic("a")) + varint(static_cast<std::uint32_t>(block.size())) +
                           block + "payload");
}

const Properties& application_properties() {
    static const Properties properties{
        number(payload_format, 1),
        text(content_type, "text/plain; charset=utf-8"),
        text(response_topic, "where/to/answer"),
        text(correlation_data, Bytes("\x00\xFF\x80 binary", 10)),
        user("b", "2"),
        user("a", "1"),
        user("b", "2"),
        user("", ""),
        user("\xF0\x9F\x90\xA6", "\xEF\xBB\xBF"),
    };
    return properties;
}

void expect_carried(const Packet& packet, const Properties& sent) {
    for (const auto id :
         {payload_format, content_type, response_topic, correlation_data, user_property}) {
        const Packet wanted{.properties = sent};
        Trial::check(packet.all(id) == wanted.all(id),
                     "other properties:" + to_text(packet.properties));
    }
}

MARTLET_TEST(v5_publish_carries, "properties of the application are carried as they are",
             V5{"MQTT-3.3.2-4", "MQTT-3.3.2-15", "MQTT-3.3.2-16", "MQTT-3.3.2-17", "MQTT-3.3.2-18",
                "MQTT-3.3.2-20", "MQTT-2.2.2-1"}) {
    Client pub{t, "pub"};
    Client sub{t, "sub"};
    pub.connect();
    sub.connect();
    sub.subscribe(t.topic("a"), 2);
    for (const unsigned qos : {0U, 1U, 2U}) {
        pub.publish(Publish{.topic = t.topic("a"),
                            .payload = "x",
                            .qos = qos,
                            .properties = application_properties()});
        const auto got = sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos});
        expect_carried(got, application_properties());
        Trial::check(!got.has(message_expiry), "an expiry that nobody set");
    }
    // A zero is not the same as nothing.
    pub.publish(Publish{.topic = t.topic("a"), .properties = {number(payload_format, 0)}});
    const auto got = sub.take(Publish{.topic = t.topic("a")});
    Trial::check(got.number(payload_format).value_or(0) == 0, "another Payload Format");
    pub.publish(Publish{.topic = t.topic("a")});
    Trial::check(sub.take(Publish{.topic = t.topic("a")}).properties.empty(),
                 "properties that nobody sent");
}

MARTLET_TEST(v5_publish_carries_kept, "and also when retained, or kept for a client that is away",
             V5{"MQTT-3.3.2-4", "MQTT-3.3.2-15", "MQTT-3.3.2-16", "MQTT-3.3.2-17", "MQTT-3.3.2-18",
                "MQTT-3.3.2-20"}) {
    {
        Client away{t, "away"};
        away.connect(t.persistent());
        away.subscribe(t.topic("a"), 1);
        away.disconnect();
    }
    Client pub{t, "pub"};
    pub.connect();
    pub.publish(Publish{.topic = t.topic("a"),
                        .payload = "x",
                        .qos = 1,
                        .retain = true,
                        .properties = application_properties()});
    Client later{t, "later"};
    later.connect();
    later.subscribe(t.topic("a"), 1);
    expect_carried(
        later.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = true}),
        application_properties());
    Client away{t, "away"};
    away.connect(t.persistent());
    expect_carried(away.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1}),
                   application_properties());
}

MARTLET_TEST(v5_will_carries, "a will's properties are carried as a PUBLISH's",
             V5{"MQTT-3.3.2-4", "MQTT-3.3.2-15", "MQTT-3.3.2-16", "MQTT-3.3.2-17", "MQTT-3.3.2-18",
                "MQTT-3.3.2-20", "MQTT-3.1.2-9"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("will"), 0);
    Client c{t};
    c.connect(
        Connect{.will = Will{.topic = t.topic("will"), .properties = application_properties()}});
    c.drop();
    expect_carried(watcher.expect(Publish{.topic = t.topic("will"), .payload = "will"}),
                   application_properties());
}

MARTLET_TEST(v5_publish_bad_properties, "properties that PUBLISH may not have close the connection",
             V5{"MQTT-4.13.1-1"}) {
    for (const auto id :
         {session_expiry, assigned_client_id, server_keep_alive, authentication_method,
          authentication_data, request_problem_information, will_delay,
          request_response_information, response_information, server_reference, reason_string,
          receive_maximum, topic_alias_maximum, maximum_qos, retain_available, maximum_packet_size,
          wildcard_available, subscription_identifiers_available, shared_available}) {
        expect_close_on(
            t, "property " + std::to_string(static_cast<int>(id)),
            publish_with_block(t, encode(Property{.id = id, .number = 1, .text = "a"})));
    }
    expect_close_on(t, "an unknown property", publish_with_block(t, u8(0x7E) + u8(0)));
    for (const auto id :
         {payload_format, message_expiry, content_type, response_topic, correlation_data}) {
        const auto one = encode(Property{.id = id, .number = 1, .text = "a"});
        expect_close_on(t, "twice property " + std::to_string(static_cast<int>(id)),
                        publish_with_block(t, one + one));
    }
    expect_close_on(t, "a block longer than the packet",
                    frame(0x30, str(t.topic("a")) + u8(100) + "x"));
    expect_close_on(t, "a long Property Length",
                    frame(0x30, str(t.topic("a")) + u8(0x80) + u8(0) + "x"));
}

MARTLET_TEST(v5_publish_bad_text, "ill-formed text in a PUBLISH's properties closes",
             V5{"MQTT-3.3.2-13", "MQTT-3.3.2-19", "MQTT-1.5.4-1", "MQTT-1.5.7-1"}) {
    for (const auto& form : ill_formed_texts()) {
        for (const auto id : {content_type, response_topic}) {
            expect_close_on(t, form.name, publish_with_block(t, encode(text(id, form.bytes))));
        }
        expect_close_on(t, form.name, publish_with_block(t, encode(user(form.bytes, "a"))));
        expect_close_on(t, form.name, publish_with_block(t, encode(user("a", form.bytes))));
    }
}

MARTLET_TEST(v5_publish_null_in_text, "U+0000 in a PUBLISH's properties closes",
             V5{"MQTT-1.5.4-2", "MQTT-1.5.7-1"}) {
    for (const auto& form : texts_with_null()) {
        for (const auto id : {content_type, response_topic}) {
            expect_close_on(t, form.name, publish_with_block(t, encode(text(id, form.bytes))));
        }
        expect_close_on(t, form.name, publish_with_block(t, encode(user(form.bytes, "a"))));
        expect_close_on(t, form.name, publish_with_block(t, encode(user("a", form.bytes))));
    }
}

MARTLET_TEST(v5_response_topic_wildcards, "wildcards in a Response Topic close the connection",
             V5{"MQTT-3.3.2-14"}) {
    for (const auto* topic : {"+", "#", "a/+", "a/#", "a/+/b"}) {
        expect_close_on(t, topic, publish_with_block(t, encode(text(response_topic, topic))));
    }
}

MARTLET_TEST(v5_publish_identifier, "a Subscription Identifier in a client's PUBLISH closes",
             V5{"MQTT-3.3.4-6", "MQTT-4.13.1-1"}) {
    for (const std::uint32_t value : {0U, 1U, 1000U}) {
        expect_close_on(t, "identifier " + std::to_string(value),
                        publish_with_block(t, encode(number(subscription_identifier, value))));
    }
}

MARTLET_TEST(v5_ack_bad_properties, "properties that other packets may not have close",
             V5{"MQTT-4.13.1-1"}) {
    const auto block = encode(Properties{number(session_expiry, 1)});
    const auto alias = encode(Properties{number(topic_alias, 1)});
    expect_close_on(t, "PUBACK", frame(0x40, u16(1) + u8(0) + block));
    expect_close_on(t, "PUBREC", frame(0x50, u16(1) + u8(0) + block));
    expect_close_on(t, "PUBREL", frame(0x62, u16(1) + u8(0) + block));
    expect_close_on(t, "PUBCOMP", frame(0x70, u16(1) + u8(0) + block));
    expect_close_on(t, "SUBSCRIBE", frame(0x82, u16(1) + alias + str(t.topic("a")) + u8(0)));
    expect_close_on(t, "UNSUBSCRIBE", frame(0xA2, u16(1) + alias + str(t.topic("a"))));
    expect_close_on(t, "DISCONNECT", frame(0xE0, u8(0) + alias));
    const auto zero = encode(Properties{number(subscription_identifier, 0)});
    expect_close_on(t, "SUBSCRIBE with identifier 0",
                    frame(0x82, u16(1) + zero + str(t.topic("a")) + u8(0)));
}

MARTLET_TEST(v5_codes_of_clients, "a server takes all reason codes of acknowledgements",
             V5{"MQTT-4.4.0-2", "MQTT-4.3.2-3"}) {
    Client pub{t, "pub"};
    Client sub{t, "sub"};
    pub.connect();
    sub.connect(t.persistent());
    sub.subscribe(t.topic("a"), 2);
    for (const unsigned code : {0x00U, 0x10U, 0x80U, 0x83U, 0x87U, 0x90U, 0x91U, 0x97U, 0x99U}) {
        for (const unsigned qos : {1U, 2U}) {
            pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos});
            const auto got = sub.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos});
            const auto type = qos == 1 ? Type::puback : Type::pubrec;
            sub.send(Ack{type, got.id, code, {text(reason_string, "because"), user("a", "b")}});
            if (qos == 2 && code < 0x80) {
                sub.expect(Ack{.type = Type::pubrel, .id = got.id});
                sub.send(Ack{.type = Type::pubcomp, .id = got.id});
            }
        }
    }
    sub.expect_nothing();
    sub.drop();
    // All of them were acknowledgements: nothing is left to send again.
    Client again{t, "sub"};
    again.connect(t.persistent());
    again.expect_nothing();
}

}  // namespace

}  // namespace martlet::conformance
