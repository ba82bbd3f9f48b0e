// Topic aliases, in both directions.

#include <map>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

std::uint32_t require_aliases(const Client& c) {
    const auto maximum = c.connack().number(topic_alias_maximum).value_or(0);
    if (maximum == 0) {
        throw Skipped{"the server accepts no Topic Aliases"};
    }
    return maximum;
}

MARTLET_TEST(v5_alias_all_values, "every alias up to the server's maximum works",
             V5{"MQTT-3.3.2-12"}) {
    Client c{t};
    c.connect();
    const auto maximum = require_aliases(c);
    c.subscribe(t.topic("#"), 0);
    std::vector<std::uint32_t> aliases{maximum, 1};
    for (std::uint32_t alias = 2; alias < std::min(maximum, 20U); ++alias) {
        aliases.push_back(alias);
    }
    for (const auto alias : aliases) {
        const auto topic = t.topic(std::to_string(alias));
        c.send_publish(Publish{
            .topic = topic, .payload = "named", .properties = {number(topic_alias, alias)}});
        c.expect(Publish{.topic = topic, .payload = "named"});
    }
    for (const auto alias : aliases) {
        c.send_publish(Publish{.payload = "alias", .properties = {number(topic_alias, alias)}});
        c.expect(Publish{.topic = t.topic(std::to_string(alias)), .payload = "alias"});
    }
    // A new topic for an alias replaces the old one.
    c.send_publish(
        Publish{.topic = t.topic("new"), .payload = "x", .properties = {number(topic_alias, 1)}});
    c.expect(Publish{.topic = t.topic("new"), .payload = "x"});
    c.send_publish(Publish{.payload = "y", .properties = {number(topic_alias, 1)}});
    c.expect(Publish{.topic = t.topic("new"), .payload = "y"});
}

MARTLET_TEST(v5_alias_qos, "an alias works at each QoS, and is not passed on",
             V5{"MQTT-3.3.2-12", "MQTT-3.1.2-27"}) {
    Client c{t};
    Client sub{t, "sub"};
    c.connect();
    sub.connect();
    require_aliases(c);
    sub.subscribe(t.topic("a"), 2);
    for (const unsigned qos : {0U, 1U, 2U}) {
        for (const auto& topic : {t.topic("a"), std::string{}}) {
            c.publish(Publish{.topic = topic,
                              .payload = "x",
                              .qos = qos,
                              .properties = {number(topic_alias, 1)}});
            const auto got = sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos});
            Trial::check(!got.has(topic_alias), "an alias that the client did not allow");
        }
    }
}

MARTLET_TEST(v5_alias_not_over_connections, "an alias is forgotten with its connection",
             V5{"MQTT-3.3.2-7"}) {
    {
        Client c{t};
        c.connect(t.persistent());
        require_aliases(c);
        c.send_publish(Publish{.topic = t.topic("a"), .properties = {number(topic_alias, 1)}});
        c.ping();
        c.disconnect();
    }
    Client c{t};
    c.connect(t.persistent());
    c.send_publish(Publish{.properties = {number(topic_alias, 1)}});
    const auto ending = c.expect_closed();
    Trial::check(ending.code == 0 || ending.code == 0x82 || ending.code == 0x94,
                 "another code than 0x82 (protocol error)");
}

MARTLET_TEST(v5_alias_zero, "alias 0 closes the connection", V5{"MQTT-3.3.2-8", "MQTT-4.13.1-1"}) {
    Client c{t};
    c.connect();
    c.send_publish(Publish{.topic = t.topic("a"), .properties = {number(topic_alias, 0)}});
    c.expect_closed();
}

MARTLET_TEST(v5_alias_too_large, "an alias above the server's maximum closes the connection",
             V5{"MQTT-3.3.2-9", "MQTT-4.13.1-1"}) {
    Client probe{t, "probe"};
    const auto maximum = probe.connect().number(topic_alias_maximum).value_or(0);
    for (const std::uint32_t alias : {maximum + 1, 65'535U}) {
        if (alias > 65'535 || alias <= maximum) {
            continue;
        }
        t.form("alias " + std::to_string(alias), [&] {
            Client c{t};
            c.connect();
            c.send_publish(
                Publish{.topic = t.topic("a"), .properties = {number(topic_alias, alias)}});
            const auto code = c.expect_closed().code;
            Trial::check(code == 0 || code == 0x94, "another code than 0x94");
        });
    }
}

MARTLET_TEST(v5_alias_unknown, "an alias that was never set closes the connection",
             V5{"MQTT-3.3.2-7", "MQTT-4.13.1-1"}) {
    Client c{t};
    c.connect();
    require_aliases(c);
    c.send_publish(Publish{.properties = {number(topic_alias, 1)}});
    c.expect_closed();
    Client none{t, "none"};
    none.connect();
    none.send_publish(Publish{.payload = "neither topic nor alias"});
    none.expect_closed();
}

// The topic of what a server sent, which may be by alias only.
std::string resolve(std::map<std::uint32_t, std::string>& aliases, const Packet& packet) {
    const auto alias = packet.number(topic_alias);
    if (!alias) {
        return packet.topic;
    }
    if (!packet.topic.empty()) {
        aliases[*alias] = packet.topic;
    }
    Trial::check(aliases.contains(*alias), "an alias that the server never set");
    return aliases[*alias];
}

MARTLET_TEST(v5_alias_from_server, "a server's aliases are within the client's maximum, and right",
             V5{"MQTT-3.1.2-26", "MQTT-3.3.2-11", "MQTT-3.3.2-7"}) {
    for (int connection = 0; connection < 2; ++connection) {
        Client c{t};
        auto connect = t.persistent();
        connect.properties.push_back(number(topic_alias_maximum, 3));
        c.connect(connect);
        c.subscribe(t.topic("#"), 1);
        std::map<std::uint32_t, std::string> aliases;
        for (int i = 0; i < 30; ++i) {
            const auto topic = t.topic("a/" + std::to_string(i % 6));
            c.publish(Publish{.topic = topic, .payload = "x", .qos = i % 2 == 0 ? 1U : 0U});
            const auto got = c.expect(Type::publish);
            Trial::check(got.number(topic_alias).value_or(1) <= 3, "an alias above 3");
            Trial::check(resolve(aliases, got) == topic, "another topic: " + to_text(got));
            c.acknowledge(got);
        }
        c.drop();
    }
}

MARTLET_TEST(v5_alias_none_allowed, "without a Topic Alias Maximum no aliases come",
             V5{"MQTT-3.1.2-27"}) {
    for (const bool is_zero : {false, true}) {
        Client c{t, is_zero ? "zero" : "absent"};
        c.connect(is_zero ? Connect{.properties = {number(topic_alias_maximum, 0)}} : Connect{});
        c.subscribe(t.topic("a"), 0);
        for (int i = 0; i < 10; ++i) {
            c.send_publish(Publish{.topic = t.topic("a"), .payload = "x"});
            const auto got = c.expect(Publish{.topic = t.topic("a"), .payload = "x"});
            Trial::check(!got.has(topic_alias), "an alias");
        }
    }
}

}  // namespace

}  // namespace martlet::conformance
