// CONNECT: what is in it, in which order, and what happens when it is not.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

// The variable header with these Connect Flags; what follows is the payload.
Bytes connect_with_flags(const Trial& t, unsigned flags, const Bytes& payload) {
    return frame(0x10, str("MQTT") + u8(static_cast<unsigned>(t.target.version)) + u8(flags) +
                           u16(60) + no_properties(t) + payload);
}

Bytes will_fields(const Trial& t) {
    return no_properties(t) + str(t.topic("will")) + str("gone");
}

MARTLET_TEST(connect_comes_first, "anything before CONNECT closes the connection",
             V311{"MQTT-3.1.0-1"}, V5{"MQTT-3.1.0-1"}) {
    const auto version = t.target.version;
    const Subscribe subscribe{.id = 1, .subscriptions = {{.filter = t.topic("a")}}};
    expect_no_connection_on(t, "PUBLISH", encode(Publish{.topic = t.topic("a")}, version));
    expect_no_connection_on(t, "SUBSCRIBE", encode(subscribe, version));
    expect_no_connection_on(t, "PINGREQ", encode(Pingreq{}, version));
    expect_no_connection_on(t, "DISCONNECT", encode(Disconnect{}, version));
    expect_no_connection_on(t, "PUBREL", frame(0x62, u16(1)));
}

MARTLET_TEST(connect_only_once, "a second CONNECT closes the connection",
             V311{"MQTT-3.1.0-2", "MQTT-4.8.0-1"},
             V5{"MQTT-3.1.0-2", "MQTT-3.2.0-2", "MQTT-4.13.1-1"}) {
    for (const bool same_name : {true, false}) {
        Client c{t};
        c.connect();
        c.send_connect(Connect{.client_id = same_name ? c.id() : t.id("other")});
        const auto ending = c.expect_closed();
        Trial::check(ending.type != Type::connack, "a second CONNACK");
    }
}

MARTLET_TEST(connect_reserved_flag, "the reserved Connect Flag closes the connection",
             V311{"MQTT-3.1.2-3", "MQTT-3.1.4-1"}, V5{"MQTT-3.1.2-3", "MQTT-3.1.4-1"}) {
    expect_no_connection_on(t, "clean", connect_with_flags(t, 0x03, str(t.id("c"))));
    expect_no_connection_on(t, "not clean", connect_with_flags(t, 0x01, str(t.id("c"))));
}

MARTLET_TEST(connect_will_qos_3, "Will QoS 3 closes the connection",
             V311{"MQTT-3.1.2-14", "MQTT-3.1.4-1", "MQTT-3.2.2-6"},
             V5{"MQTT-3.1.2-12", "MQTT-3.1.4-1"}) {
    expect_no_connection_on(t, "QoS 3",
                            connect_with_flags(t, 0x1E, str(t.id("c")) + will_fields(t)));
    expect_no_connection_on(t, "QoS 3 and retain",
                            connect_with_flags(t, 0x3E, str(t.id("c")) + will_fields(t)));
}

MARTLET_TEST(connect_will_flag_0, "without the Will Flag there is no Will QoS, Retain or field",
             V311{"MQTT-3.1.2-11", "MQTT-3.1.2-13", "MQTT-3.1.2-15", "MQTT-3.1.4-1"},
             V5{"MQTT-3.1.2-11", "MQTT-3.1.2-13", "MQTT-3.1.4-1"}) {
    const auto id = str(t.id("c"));
    expect_no_connection_on(t, "Will QoS 1", connect_with_flags(t, 0x0A, id));
    expect_no_connection_on(t, "Will QoS 2", connect_with_flags(t, 0x12, id));
    expect_no_connection_on(t, "Will Retain", connect_with_flags(t, 0x22, id));
    expect_no_connection_on(t, "the will's fields",
                            connect_with_flags(t, 0x02, id + will_fields(t)));
}

MARTLET_TEST(connect_will_fields, "with the Will Flag the will's fields have to be there",
             V311{"MQTT-3.1.2-9", "MQTT-3.1.4-1"}, V5{"MQTT-3.1.2-9", "MQTT-3.1.4-1"}) {
    const auto id = str(t.id("c"));
    expect_no_connection_on(t, "none", connect_with_flags(t, 0x06, id));
    expect_no_connection_on(t, "only the topic",
                            connect_with_flags(t, 0x06, id + no_properties(t) + str("topic")));
    expect_no_connection_on(
        t, "a message cut short",
        connect_with_flags(t, 0x06, id + no_properties(t) + str("topic") + u16(9) + "abc"));
}

MARTLET_TEST(connect_user_name, "the User Name is there just when its flag says so",
             V311{"MQTT-3.1.2-18", "MQTT-3.1.2-19", "MQTT-3.1.4-1"},
             V5{"MQTT-3.1.2-16", "MQTT-3.1.2-17", "MQTT-3.1.4-1"}) {
    const auto id = str(t.id("c"));
    expect_no_connection_on(t, "flag without name", connect_with_flags(t, 0x82, id));
    expect_no_connection_on(t, "flag and a name cut short",
                            connect_with_flags(t, 0x82, id + u16(9) + "abc"));
    expect_no_connection_on(t, "name without flag", connect_with_flags(t, 0x02, id + str("name")));
}

MARTLET_TEST(connect_password, "the Password is there just when its flag says so",
             V311{"MQTT-3.1.2-20", "MQTT-3.1.2-21", "MQTT-3.1.4-1"},
             V5{"MQTT-3.1.2-18", "MQTT-3.1.2-19", "MQTT-3.1.4-1"}) {
    const auto id_and_name = str(t.id("c")) + str("name");
    expect_no_connection_on(t, "flag without password", connect_with_flags(t, 0xC2, id_and_name));
    expect_no_connection_on(t, "flag and a password cut short",
                            connect_with_flags(t, 0xC2, id_and_name + u16(9) + "abc"));
    expect_no_connection_on(t, "password without flag",
                            connect_with_flags(t, 0x82, id_and_name + str("password")));
}

MARTLET_TEST(connect_client_id_is_there, "a CONNECT ends no sooner than with its ClientId",
             V311{"MQTT-3.1.3-3", "MQTT-3.1.4-1"}, V5{"MQTT-3.1.3-3", "MQTT-3.1.4-1"}) {
    expect_no_connection_on(t, "no payload", connect_with_flags(t, 0x02, {}));
    expect_no_connection_on(t, "a ClientId cut short", connect_with_flags(t, 0x02, u16(9) + "abc"));
}

MARTLET_TEST(connect_malformed, "a CONNECT that is cut or too long closes the connection",
             V311{"MQTT-3.1.4-1"}, V5{"MQTT-3.1.4-1"}) {
    const auto level = u8(static_cast<unsigned>(t.target.version));
    expect_no_connection_on(t, "an empty one", frame(0x10, {}));
    expect_no_connection_on(t, "no level", frame(0x10, str("MQTT")));
    expect_no_connection_on(t, "no flags", frame(0x10, str("MQTT") + level));
    expect_no_connection_on(t, "no Keep Alive", frame(0x10, str("MQTT") + level + u8(2)));
    expect_no_connection_on(t, "half a Keep Alive",
                            frame(0x10, str("MQTT") + level + u8(2) + u8(0)));
    expect_no_connection_on(t, "bytes after its end",
                            connect_with_flags(t, 0x02, str(t.id("c")) + "x"));
}

MARTLET_TEST(connect_fields_in_order, "the payload's fields are read in their order",
             V311{"MQTT-3.1.3-1", "MQTT-3.1.2-9", "MQTT-3.1.4-4"},
             V5{"MQTT-3.1.3-1", "MQTT-3.1.2-9", "MQTT-3.1.4-5"}) {
    Client watcher{t, "watcher"};
    watcher.connect();
    watcher.subscribe(t.topic("#"), 1);
    const auto user = t.target.user.value_or("name");
    const auto password = t.target.password.value_or("password");
    Client c{t};
    c.connect(Connect{.will = Will{.topic = t.topic("topic"), .payload = "message", .qos = 1},
                      .user = user,
                      .password = password});
    c.drop();
    watcher.take(Publish{.topic = t.topic("topic"), .payload = "message", .qos = 1});
}

MARTLET_TEST(connect_protocol_name, "another protocol name is not treated as MQTT",
             V311{"MQTT-3.1.2-1"}, V5{"MQTT-3.1.2-1"}) {
    for (const auto* name : {"MQTX", "mqtt", "MQT", "MQTTT", "", "HTTP/1.1"}) {
        t.form(name, [&] {
            Client c{t};
            c.send_connect(Connect{.protocol = name});
            c.expect_closed();
        });
    }
}

MARTLET_TEST(connect_client_id_alphabet, "1 to 23 letters and digits are a good ClientId",
             V311{"MQTT-3.1.3-5", "MQTT-3.1.4-4"}, V5{"MQTT-3.1.3-5", "MQTT-3.1.4-5"}) {
    const std::string alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (const auto& id : {alphabet.substr(0, 1), alphabet.substr(0, 23), alphabet.substr(23, 23),
                           alphabet.substr(39, 23)}) {
        t.form(id, [&] {
            Client c{t};
            c.connect(Connect{.client_id = id});
            c.disconnect();
        });
    }
}

MARTLET_TEST(connect_empty_client_ids, "clients without a ClientId do not meet",
             V311{"MQTT-3.1.3-6"}, V5{"MQTT-3.1.3-6"}) {
    Client first{t, "first"};
    Client second{t, "second"};
    first.rename("");
    second.rename("");
    first.send_connect(Connect{});
    const auto answer = first.expect(Type::connack);
    if (answer.code != 0) {
        throw Skipped{"clients have to name themselves here"};
    }
    second.connect();
    first.subscribe(t.topic("a"), 0);
    second.ping();
    second.send_publish(Publish{.topic = t.topic("a"), .payload = "x"});
    first.expect(Publish{.topic = t.topic("a"), .payload = "x"});
    second.expect_nothing();
}

MARTLET_TEST(connect_refused_ends, "what follows a refused CONNECT is not processed",
             V311{"MQTT-3.1.4-5"}, V5{"MQTT-3.1.4-6"}) {
    Client watcher{t, "watcher"};
    Client pub{t, "pub"};
    watcher.connect();
    pub.connect();
    watcher.subscribe(t.topic("#"), 0);
    for (const unsigned level : {0U, 6U, 99U}) {
        Client c{t};
        const auto version = t.target.version;
        c.send_raw(encode(Connect{.client_id = t.id("c"), .level = level}, version) +
                   encode(Publish{.topic = t.topic("a"), .payload = "no"}, version));
        Bytes refusal;
        c.expect_end_of_foreign(refusal);
    }
    watcher.expect_nothing_from(pub);
}

}  // namespace

}  // namespace martlet::conformance
