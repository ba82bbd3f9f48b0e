// Subscription options, Subscription Identifiers, and the codes of UNSUBACK.

#include <algorithm>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

Packet subscribe_with(Client& c, Subscription subscription, const Properties& properties) {
    const auto qos = subscription.qos;
    auto answer = c.subscribe(
        Subscribe{.subscriptions = {std::move(subscription)}, .properties = properties});
    Trial::check(answer.codes == std::vector{qos}, "not granted: " + to_text(answer));
    return answer;
}

void require_identifiers(const Client& c) {
    if (c.connack().number(subscription_identifiers_available).value_or(1) == 0) {
        throw Skipped{"the server has no Subscription Identifiers"};
    }
}

std::vector<std::uint32_t> identifiers_of(const Packet& packet) {
    std::vector<std::uint32_t> all;
    for (const auto& property : packet.all(subscription_identifier)) {
        all.push_back(property.number);
    }
    std::ranges::sort(all);
    return all;
}

MARTLET_TEST(v5_no_local, "No Local: own messages do not come back, others' do",
             V5{"MQTT-3.8.3-3"}) {
    Client c{t};
    Client other{t, "other"};
    c.connect();
    other.connect();
    subscribe_with(c, {.filter = t.topic("a"), .qos = 1, .no_local = true}, {});
    for (const unsigned qos : {0U, 1U, 2U}) {
        c.publish(Publish{.topic = t.topic("a"), .payload = "own", .qos = qos});
        other.publish(Publish{.topic = t.topic("a"), .payload = "other", .qos = 1});
        c.take(Publish{.topic = t.topic("a"), .payload = "other", .qos = 1});
        c.expect_nothing();
    }
}

MARTLET_TEST(v5_no_local_over_connections, "No Local goes by ClientID, over connections",
             V5{"MQTT-3.8.3-3"}) {
    {
        Client c{t};
        c.connect(t.persistent());
        subscribe_with(c, {.filter = t.topic("a"), .qos = 1, .no_local = true}, {});
        c.disconnect();
    }
    Client c{t};
    c.connect(t.persistent());
    c.publish(Publish{.topic = t.topic("a"), .payload = "own", .qos = 1});
    c.expect_nothing();
}

MARTLET_TEST(v5_no_local_on_share, "No Local on a shared subscription closes the connection",
             V5{"MQTT-3.8.3-4", "MQTT-4.13.1-1"}) {
    const Subscribe subscribe{
        .id = 1, .subscriptions = {{.filter = "$share/g/" + t.topic("a"), .no_local = true}}};
    expect_close_on(t, "No Local", encode(subscribe, Version::v5));
}

MARTLET_TEST(v5_options_are_replaced, "the same filter again replaces the options as well",
             V5{"MQTT-3.8.4-3"}) {
    Client c{t};
    Client pub{t, "pub"};
    c.connect();
    pub.connect();
    subscribe_with(c, {.filter = t.topic("a"), .qos = 1, .no_local = true}, {});
    subscribe_with(c, {.filter = t.topic("a"), .qos = 1, .retain_as_published = true}, {});
    c.publish(Publish{.topic = t.topic("a"), .payload = "own", .qos = 1});
    c.take(Publish{.topic = t.topic("a"), .payload = "own", .qos = 1});
    pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = true});
    c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = true});
    subscribe_with(c, {.filter = t.topic("a"), .qos = 1, .no_local = true, .retain_handling = 2},
                   {});
    c.publish(Publish{.topic = t.topic("a"), .payload = "own", .qos = 1});
    pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = true});
    c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1, .retain = false});
}

MARTLET_TEST(v5_retain_as_published, "Retain As Published: RETAIN as it was, or 0",
             V5{"MQTT-3.3.1-12", "MQTT-3.3.1-13"}) {
    Client pub{t, "pub"};
    pub.connect();
    for (const bool as_published : {true, false}) {
        Client c{t, as_published ? "as" : "not"};
        c.connect();
        subscribe_with(c,
                       {.filter = t.topic("a"),
                        .qos = 2,
                        .retain_as_published = as_published,
                        .retain_handling = 2},
                       {});
        for (const bool retain : {false, true}) {
            for (const unsigned qos : {0U, 1U, 2U}) {
                pub.publish(
                    Publish{.topic = t.topic("a"), .payload = "x", .qos = qos, .retain = retain});
                c.take(Publish{.topic = t.topic("a"),
                               .payload = "x",
                               .qos = qos,
                               .retain = retain && as_published});
            }
        }
    }
}

MARTLET_TEST(v5_retain_handling, "Retain Handling: always, for a new subscription, or never",
             V5{"MQTT-3.3.1-9", "MQTT-3.3.1-10", "MQTT-3.3.1-11", "MQTT-3.8.4-4"}) {
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = t.topic("a"), .payload = "kept", .qos = 1, .retain = true});
    const Publish kept{.topic = t.topic("a"), .payload = "kept", .qos = 1, .retain = true};
    const auto subscribe = [&](unsigned handling) {
        subscribe_with(c, {.filter = t.topic("a"), .qos = 1, .retain_handling = handling}, {});
    };
    subscribe(2);
    c.expect_nothing();
    subscribe(1);
    c.expect_nothing();
    subscribe(0);
    c.take(kept);
    subscribe(0);
    c.take(kept);
    c.unsubscribe(t.topic("a"));
    subscribe(1);
    c.take(kept);
    subscribe(1);
    c.expect_nothing();
    subscribe(2);
    c.expect_nothing();
}

MARTLET_TEST(v5_retain_handling_3, "Retain Handling 3 closes the connection",
             V5{"MQTT-3.8.3-5", "MQTT-4.13.1-1"}) {
    const Subscribe subscribe{.id = 1,
                              .subscriptions = {{.filter = t.topic("a"), .retain_handling = 3}}};
    expect_close_on(t, "Retain Handling 3", encode(subscribe, Version::v5));
}

MARTLET_TEST(v5_identifier, "a Subscription Identifier is on what its subscription brings",
             V5{"MQTT-3.3.4-3"}) {
    Client c{t};
    c.connect();
    require_identifiers(c);
    c.publish(Publish{.topic = t.topic("a"), .payload = "kept", .qos = 1, .retain = true});
    for (const std::uint32_t value : {1U, 127U, 128U, 16'384U, 268'435'455U}) {
        subscribe_with(c, {.filter = t.topic("a"), .qos = 1},
                       {number(subscription_identifier, value)});
        const auto kept =
            c.take(Publish{.topic = t.topic("a"), .payload = "kept", .qos = 1, .retain = true});
        Trial::check(identifiers_of(kept) == std::vector{value}, "other identifiers, retained");
        c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
        const auto got = c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
        Trial::check(identifiers_of(got) == std::vector{value}, "other identifiers");
    }
    subscribe_with(c, {.filter = t.topic("a"), .qos = 1, .retain_handling = 2}, {});
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    const auto got = c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    Trial::check(identifiers_of(got).empty(), "an identifier of a replaced subscription");
}

MARTLET_TEST(v5_identifiers_overlapping, "overlapping subscriptions bring all their identifiers",
             V5{"MQTT-3.3.4-3", "MQTT-3.3.4-4"}) {
    Client c{t};
    c.connect();
    require_identifiers(c);
    subscribe_with(c, {.filter = t.topic("a/b"), .qos = 1}, {number(subscription_identifier, 10)});
    subscribe_with(c, {.filter = t.topic("a/+"), .qos = 0}, {number(subscription_identifier, 20)});
    subscribe_with(c, {.filter = t.topic("a/#"), .qos = 1}, {});
    subscribe_with(c, {.filter = t.topic("#"), .qos = 2}, {number(subscription_identifier, 20)});
    c.publish(Publish{.topic = t.topic("a/b"), .payload = "x", .qos = 1});
    c.ping();
    std::vector<std::uint32_t> seen;
    unsigned copies = 0;
    while (const auto packet = c.receive_until(Clock::now())) {
        const auto some = identifiers_of(*packet);
        seen.insert(seen.end(), some.begin(), some.end());
        ++copies;
        c.acknowledge(*packet);
    }
    std::ranges::sort(seen);
    Trial::check(copies >= 1, "the message did not come");
    // Two subscriptions have the same one: it may come once or twice.
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    Trial::check(seen == std::vector<std::uint32_t>{10, 20}, "not all identifiers came");
}

MARTLET_TEST(v5_identifier_after_absence, "a message that waited has its identifier too",
             V5{"MQTT-3.3.4-3"}) {
    {
        Client sub{t, "sub"};
        sub.connect(t.persistent());
        require_identifiers(sub);
        subscribe_with(sub, {.filter = t.topic("a"), .qos = 1},
                       {number(subscription_identifier, 5)});
        sub.disconnect();
    }
    Client pub{t, "pub"};
    pub.connect();
    pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    Client sub{t, "sub"};
    sub.connect(t.persistent());
    const auto got = sub.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    Trial::check(identifiers_of(got) == std::vector{5U}, "other identifiers");
}

MARTLET_TEST(v5_unsuback_codes, "UNSUBACK has a code for each filter, in their order",
             V5{"MQTT-3.11.3-1", "MQTT-3.11.3-2", "MQTT-3.10.4-6"}) {
    Client c{t};
    c.connect();
    for (const auto* filter : {"a", "b/+", "c/#"}) {
        c.subscribe(t.topic(filter), 1);
    }
    c.send(Unsubscribe{.id = 9,
                       .filters = {t.topic("never"), t.topic("a"), t.topic("b"), t.topic("c/#"),
                                   t.topic("b/+"), t.topic("a")}});
    c.expect(Unsuback{.id = 9, .codes = {0x11, 0x00, 0x11, 0x00, 0x00, 0x11}});
}

MARTLET_TEST(v5_suback_codes, "SUBACK tells good and bad filters apart, in their order",
             V5{"MQTT-3.9.3-1", "MQTT-3.9.3-2", "MQTT-3.8.4-7"}) {
    // What a server refuses is its own affair; where it does, the code stands in the right place.
    Client c{t};
    c.connect();
    c.send_subscribe(Subscribe{.id = 3,
                               .subscriptions = {{.filter = t.topic("a"), .qos = 2},
                                                 {.filter = "$share/g/" + t.topic("b"), .qos = 1},
                                                 {.filter = t.topic("c"), .qos = 0}}});
    const auto answer = c.await(Type::suback, 3);
    Trial::check(answer.codes.size() == 3 && answer.codes[0] == 2 && answer.codes[2] == 0 &&
                     (answer.codes[1] == 1 || answer.codes[1] >= 0x80),
                 "other codes: " + to_text(answer));
}

}  // namespace

}  // namespace martlet::conformance
