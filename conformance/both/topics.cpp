// Topics and filters: which are legal, and which match.

#include <utility>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

// Below `root`, which is a level of the test's own.
struct Matching {
    const char* filter;
    const char* topic;
    bool matches;
};

constexpr Matching matchings[] = {
    {"/a", "/a", true},
    {"/a/#", "/a", true},
    {"/a/#", "/a/", true},
    {"/a/#", "/a/b/c", true},
    {"/a/#", "/ab", false},
    {"/#", "", true},
    {"/a/+", "/a/b", true},
    {"/a/+", "/a/", true},
    {"/a/+", "/a", false},
    {"/a/+", "/a/b/c", false},
    {"/+/b", "/a/b", true},
    {"/+/b", "//b", true},
    {"/+/b", "/b", false},
    {"/+/+", "/a/b", true},
    {"/+/+/#", "/a/b", true},
    {"/+/+/#", "/a", false},
    {"/a/+/c", "/a/b/c", true},
    {"/a/+/c", "/a/b/d", false},
    {"/+", "/a", true},
    {"/+", "/a/", false},
    {"/", "/", true},
    {"/", "", false},
    {"/+", "/", true},
    // No normalisation of any kind.
    {"/a", "/A", false},
    {"/a", "/a/", false},
    {"/a/", "/a", false},
    {"/a/b", "/a//b", false},
    {"/a b", "/a b", true},
    {"/a", "/a ", false},
    {"/a/..", "/", false},
    {"/a/./b", "/a/b", false},
    {"/%61", "/a", false},
    {"/\xC3\xA9", "/e\xCC\x81", false},
    {"/\xE2\x84\xAB", "/\xC3\x85", false},
    {"/a*", "/ab", false},
    {"/$a", "/$a", true},
    {"/+", "/$a", true},
};

MARTLET_TEST(topics_match, "filters match the topics that they should, and no others",
             V311{"MQTT-4.7.1-2", "MQTT-4.7.1-3", "MQTT-4.7.3-4", "MQTT-3.3.2-3"},
             V5{"MQTT-4.7.1-1", "MQTT-4.7.1-2", "MQTT-4.7.3-4", "MQTT-3.3.2-3"}) {
    Client c{t};
    c.connect();
    for (const auto& one : matchings) {
        const auto filter = t.topic("m") + one.filter;
        const auto topic = t.topic("m") + one.topic;
        auto name = filter;
        name.append(" and ").append(topic);
        t.form(name, [&] {
            c.subscribe(filter, 0);
            c.send_publish(Publish{.topic = topic, .payload = "x"});
            if (one.matches) {
                c.expect(Publish{.topic = topic, .payload = "x"});
            }
            c.unsubscribe(filter);
            c.expect_nothing();
        });
    }
}

MARTLET_TEST(topics_wildcard_first, "a wildcard can be the first level, and the only one",
             V311{"MQTT-4.7.1-2", "MQTT-4.7.1-3"}, V5{"MQTT-4.7.1-1", "MQTT-4.7.1-2"}) {
    // Other tests' messages come along too: those are passed over.
    for (const auto* filter : {"#", "+/#", "+/+/a"}) {
        t.form(filter, [&] {
            Client c{t};
            c.connect();
            c.subscribe(filter, 0);
            c.send_publish(Publish{.topic = t.topic("a"), .payload = "mine"});
            while (true) {
                const auto packet = c.expect(Type::publish);
                Trial::check(packet.topic.front() != '$', "it matches " + packet.topic);
                if (packet.topic == t.topic("a") && !packet.retain) {
                    return;
                }
            }
        });
    }
}

MARTLET_TEST(topics_bad_filters, "a wildcard that is no whole level makes no subscription",
             V311{"MQTT-4.7.1-2", "MQTT-4.7.1-3"}, V5{"MQTT-4.7.1-1", "MQTT-4.7.1-2"}) {
    for (const auto* filter :
         {"a#", "a/#/b", "#/a", "a/b#", "##", "a+", "+a", "a/+b", "a/b+/c", "++", "a/#b"}) {
        t.form(filter, [&] {
            Client c{t};
            c.connect();
            c.send_subscribe(Subscribe{.subscriptions = {{.filter = t.topic(filter)}}});
            const auto answer = c.receive();
            if (answer && answer->type == Type::suback) {
                Trial::check(answer->codes.size() == 1 && answer->codes[0] >= 0x80,
                             "the filter was granted");
            } else if (answer) {
                Trial::check(answer->type == Type::disconnect, "another answer");
                c.expect_closed();
            }
        });
    }
}

MARTLET_TEST(topics_empty_filter, "an empty filter makes no subscription", V311{"MQTT-4.7.3-1"},
             V5{"MQTT-4.7.3-1"}) {
    Client c{t};
    c.connect();
    c.send_subscribe(Subscribe{.subscriptions = {{.filter = ""}}});
    const auto answer = c.receive();
    if (answer && answer->type == Type::suback) {
        Trial::check(answer->codes.size() == 1 && answer->codes[0] >= 0x80,
                     "the empty filter was granted");
    }
}

MARTLET_TEST(topics_dollar, "a leading wildcard does not match topics that begin with $",
             V311{"MQTT-4.7.2-1"}, V5{"MQTT-4.7.2-1"}) {
    const auto rest = t.id("level");
    const auto topic = "$conformance/" + rest;
    Client pub{t, "pub"};
    Client exact{t, "exact"};
    Client plus{t, "plus"};
    Client hash{t, "hash"};
    for (auto* c : {&pub, &exact, &plus, &hash}) {
        c->connect();
    }
    exact.subscribe(topic, 0);
    plus.subscribe("+/" + rest, 0);
    hash.subscribe("#", 0);
    pub.send_publish(Publish{.topic = topic, .payload = "x"});
    pub.send_publish(Publish{.topic = "conformance/" + rest, .payload = "y"});
    pub.ping();
    plus.expect(Publish{.topic = "conformance/" + rest, .payload = "y"});
    while (true) {
        const auto packet = hash.expect(Type::publish);
        Trial::check(!packet.topic.starts_with('$'), "# matches " + packet.topic);
        if (packet.payload == "y" && packet.topic == "conformance/" + rest) {
            break;
        }
    }
    // A server may keep topics with $ to itself; if it does not, the same level matches.
    exact.ping();
    if (const auto packet = exact.receive_until(Clock::now())) {
        Trial::check(packet->topic == topic, "another topic");
    }
}

MARTLET_TEST(topics_dollar_retained, "nor do retained messages on them", V311{"MQTT-4.7.2-1"},
             V5{"MQTT-4.7.2-1"}) {
    const auto rest = t.id("kept");
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = "$conformance/" + rest, .payload = "x", .retain = true});
    c.publish(Publish{.topic = "conformance/" + rest, .payload = "y", .retain = true});
    c.subscribe("+/" + rest, 0);
    c.expect(Publish{.topic = "conformance/" + rest, .payload = "y", .retain = true});
    c.expect_nothing();
}

}  // namespace

}  // namespace martlet::conformance
