// Text: UTF-8 that is well-formed, without U+0000, and carried as it is.

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

// Each of these texts as the whole of a field, in a packet that is right otherwise.
void try_in_connect(Trial& t, const std::vector<Form>& forms, void (*put)(Connect&, const Bytes&)) {
    for (const auto& form : forms) {
        Connect connect{.client_id = t.id("c")};
        put(connect, form.bytes);
        expect_no_connection_on(t, form.name, encode(connect, t.target.version));
    }
}

void put_client_id(Connect& connect, const Bytes& text) {
    connect.client_id = text;
}

void put_will_topic(Connect& connect, const Bytes& text) {
    connect.will = Will{.topic = text};
}

void put_user_name(Connect& connect, const Bytes& text) {
    connect.user = text;
}

void try_in_publish(Trial& t, const std::vector<Form>& forms) {
    for (const auto& form : forms) {
        expect_close_on(t, form.name, encode(Publish{.topic = form.bytes}, t.target.version));
    }
}

void try_in_subscribe(Trial& t, const std::vector<Form>& forms) {
    for (const auto& form : forms) {
        const Subscribe subscribe{.id = 1, .subscriptions = {{.filter = form.bytes}}};
        expect_close_on(t, form.name, encode(subscribe, t.target.version));
    }
}

void try_in_unsubscribe(Trial& t, const std::vector<Form>& forms) {
    for (const auto& form : forms) {
        const Unsubscribe unsubscribe{.id = 1, .filters = {form.bytes}};
        expect_close_on(t, form.name, encode(unsubscribe, t.target.version));
    }
}

MARTLET_TEST(text_client_id, "an ill-formed ClientId closes the connection",
             V311{"MQTT-1.5.3-1", "MQTT-3.1.3-4", "MQTT-3.1.4-1"},
             V5{"MQTT-1.5.4-1", "MQTT-3.1.3-4", "MQTT-3.1.4-1"}) {
    try_in_connect(t, ill_formed_texts(), put_client_id);
}

MARTLET_TEST(text_will_topic, "an ill-formed Will Topic closes the connection",
             V311{"MQTT-1.5.3-1", "MQTT-3.1.3-10", "MQTT-3.1.4-1"},
             V5{"MQTT-1.5.4-1", "MQTT-3.1.3-11", "MQTT-3.1.4-1"}) {
    try_in_connect(t, ill_formed_texts(), put_will_topic);
}

MARTLET_TEST(text_user_name, "an ill-formed User Name closes the connection",
             V311{"MQTT-1.5.3-1", "MQTT-3.1.3-11", "MQTT-3.1.4-1"},
             V5{"MQTT-1.5.4-1", "MQTT-3.1.3-12", "MQTT-3.1.4-1"}) {
    try_in_connect(t, ill_formed_texts(), put_user_name);
}

MARTLET_TEST(text_publish, "an ill-formed topic closes the connection",
             V311{"MQTT-1.5.3-1", "MQTT-3.3.2-1", "MQTT-4.7.3-3"},
             V5{"MQTT-1.5.4-1", "MQTT-3.3.2-1", "MQTT-4.7.3-3"}) {
    try_in_publish(t, ill_formed_texts());
}

MARTLET_TEST(text_subscribe, "an ill-formed filter to subscribe closes the connection",
             V311{"MQTT-1.5.3-1", "MQTT-3.8.3-1"}, V5{"MQTT-1.5.4-1", "MQTT-3.8.3-1"}) {
    try_in_subscribe(t, ill_formed_texts());
}

MARTLET_TEST(text_unsubscribe, "an ill-formed filter to unsubscribe closes the connection",
             V311{"MQTT-1.5.3-1", "MQTT-3.10.3-1"}, V5{"MQTT-1.5.4-1", "MQTT-3.10.3-1"}) {
    try_in_unsubscribe(t, ill_formed_texts());
}

MARTLET_TEST(text_null_in_connect, "U+0000 in a CONNECT closes the connection",
             V311{"MQTT-1.5.3-2"}, V5{"MQTT-1.5.4-2"}) {
    try_in_connect(t, texts_with_null(), put_client_id);
    try_in_connect(t, texts_with_null(), put_will_topic);
    try_in_connect(t, texts_with_null(), put_user_name);
}

MARTLET_TEST(text_null_in_topics, "U+0000 in a topic or filter closes the connection",
             V311{"MQTT-1.5.3-2", "MQTT-4.7.3-2"}, V5{"MQTT-1.5.4-2", "MQTT-4.7.3-2"}) {
    try_in_publish(t, texts_with_null());
    try_in_subscribe(t, texts_with_null());
    try_in_unsubscribe(t, texts_with_null());
}

MARTLET_TEST(text_byte_order_mark, "U+FEFF stays where it is, at the front too",
             V311{"MQTT-1.5.3-3", "MQTT-4.7.3-4"}, V5{"MQTT-1.5.4-3", "MQTT-4.7.3-4"}) {
    const std::string mark = "\xEF\xBB\xBF";
    const auto inner = t.topic(mark + "a" + mark);
    const auto front = mark + t.topic("front");
    Client c{t};
    c.connect();
    c.subscribe(t.topic("#"), 1);
    c.subscribe(front, 1);
    c.publish(Publish{.topic = inner, .payload = "inner", .qos = 1});
    c.publish(Publish{.topic = t.topic("front"), .payload = "without", .qos = 1});
    c.publish(Publish{.topic = front, .payload = "front", .qos = 1});
    c.take(Publish{.topic = inner, .payload = "inner", .qos = 1});
    c.take(Publish{.topic = t.topic("front"), .payload = "without", .qos = 1});
    c.take(Publish{.topic = front, .payload = "front", .qos = 1});
    c.expect_nothing();
}

MARTLET_TEST(text_all_lengths, "well-formed text of one to four bytes a character is carried",
             V311{"MQTT-1.5.3-1", "MQTT-4.7.3-4"}, V5{"MQTT-1.5.4-1", "MQTT-4.7.3-4"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("#"), 0);
    // The last two are U+D7FF and U+E000, on both sides of the surrogates.
    for (const auto* name :
         {"\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x90\xA6", "\xED\x9F\xBF", "\xEE\x80\x80"}) {
        c.send_publish(Publish{.topic = t.topic(name)});
        c.expect(Publish{.topic = t.topic(name)});
    }
}

}  // namespace

}  // namespace martlet::conformance
