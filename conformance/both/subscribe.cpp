// SUBSCRIBE and SUBACK.

#include <algorithm>
#include <memory>
#include <utility>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

MARTLET_TEST(subscribe_without_filters, "a SUBSCRIBE without filters closes the connection",
             V311{"MQTT-3.8.3-3", "MQTT-4.8.0-1"}, V5{"MQTT-3.8.3-2", "MQTT-4.13.1-1"}) {
    expect_close_on(t, "no filter", frame(0x82, u16(1) + no_properties(t)));
}

MARTLET_TEST(subscribe_reserved_bits, "reserved bits in the options close the connection",
             V311{"MQTT-4.8.0-1"}, V5{"MQTT-3.8.3-5", "MQTT-4.13.1-1"}) {
    const std::vector<unsigned> wrong = t.is_v5() ? std::vector<unsigned>{0x40, 0x80, 0xC1, 0x03}
                                                  : std::vector<unsigned>{0x03, 0x04, 0x08, 0x80};
    for (const unsigned options : wrong) {
        expect_close_on(t, "options " + std::to_string(options),
                        frame(0x82, u16(1) + no_properties(t) + str(t.topic("a")) + u8(options)));
    }
}

MARTLET_TEST(subscribe_codes_in_order, "SUBACK has a code for each filter, in their order",
             V311{"MQTT-3.8.4-5", "MQTT-3.9.3-1", "MQTT-3.9.3-2"},
             V5{"MQTT-3.8.4-6", "MQTT-3.8.4-7", "MQTT-3.9.3-1", "MQTT-3.9.3-2"}) {
    Client c{t};
    c.connect();
    const std::vector<std::vector<unsigned>> orders{
        {0, 1, 2}, {2, 1, 0}, {1, 1, 0, 2, 0}, {2}, {0, 0, 2}};
    for (const auto& order : orders) {
        Subscribe subscribe;
        for (const unsigned qos : order) {
            const auto filter = t.topic(std::to_string(subscribe.subscriptions.size()));
            subscribe.subscriptions.push_back({.filter = filter, .qos = qos});
        }
        const auto id = c.send_subscribe(subscribe);
        c.expect(Suback{.id = id, .codes = order});
    }
}

MARTLET_TEST(subscribe_several, "several filters work like several SUBSCRIBEs",
             V311{"MQTT-3.8.4-4", "MQTT-3.8.4-1"}, V5{"MQTT-3.8.4-5", "MQTT-3.8.4-1"}) {
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = t.topic("b"), .payload = "kept", .qos = 1, .retain = true});
    const auto id =
        c.send_subscribe(Subscribe{.subscriptions = {{.filter = t.topic("a"), .qos = 0},
                                                     {.filter = t.topic("b"), .qos = 1},
                                                     {.filter = t.topic("c"), .qos = 2},
                                                     // The last one of the same filter counts.
                                                     {.filter = t.topic("d"), .qos = 0},
                                                     {.filter = t.topic("d"), .qos = 2}}});
    const auto answer = c.await(Type::suback, id);
    Trial::check(answer.codes == std::vector<unsigned>{0, 1, 2, 0, 2}, "other codes");
    c.take(Publish{.topic = t.topic("b"), .payload = "kept", .qos = 1, .retain = true});
    for (const auto& [name, qos] :
         {std::pair{"a", 0U}, std::pair{"b", 1U}, std::pair{"c", 2U}, std::pair{"d", 2U}}) {
        c.publish(Publish{.topic = t.topic(name), .payload = "x", .qos = 2});
        c.take(Publish{.topic = t.topic(name), .payload = "x", .qos = qos});
    }
    c.expect_nothing();
}

MARTLET_TEST(subscribe_qos_is_lower_of_both, "delivered QoS is the lower of published and granted",
             V311{"MQTT-3.8.4-6"}, V5{"MQTT-3.8.4-8"}) {
    Client pub{t, "pub"};
    pub.connect();
    for (const unsigned granted : {0U, 1U, 2U}) {
        Client sub{t, "sub" + std::to_string(granted)};
        sub.connect();
        sub.subscribe(t.topic("a"), granted);
        for (const unsigned published : {0U, 1U, 2U}) {
            const auto payload = std::to_string(published);
            pub.publish(Publish{.topic = t.topic("a"), .payload = payload, .qos = published});
            sub.take(Publish{
                .topic = t.topic("a"), .payload = payload, .qos = std::min(published, granted)});
        }
        sub.expect_nothing();
        sub.disconnect();
    }
}

MARTLET_TEST(subscribe_again_replaces, "the same filter again replaces the subscription",
             V311{"MQTT-3.8.4-3"}, V5{"MQTT-3.8.4-3", "MQTT-3.8.4-4"}) {
    Client c{t};
    c.connect();
    c.publish(Publish{.topic = t.topic("a"), .payload = "kept", .qos = 2, .retain = true});
    for (const unsigned qos : {2U, 0U, 1U}) {
        c.subscribe(t.topic("a"), qos);
        c.take(Publish{.topic = t.topic("a"), .payload = "kept", .qos = qos, .retain = true});
        c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
        c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos});
        c.expect_nothing();
    }
    c.unsubscribe(t.topic("a"));
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    c.expect_nothing();
}

MARTLET_TEST(subscribe_again_loses_nothing, "replacing a subscription does not interrupt its flow",
             V311{"MQTT-3.8.4-3"}, V5{"MQTT-3.8.4-4"}) {
    Client pub{t, "pub"};
    Client sub{t, "sub"};
    pub.connect();
    sub.connect();
    sub.subscribe(t.topic("a"), 1);
    constexpr int count = 60;
    for (int i = 0; i < count; ++i) {
        pub.send_publish(Publish{.topic = t.topic("a"), .payload = std::to_string(i), .qos = 1});
        if (i % 6 == 0) {
            sub.send_subscribe(Subscribe{.subscriptions = {{.filter = t.topic("a"), .qos = 1}}});
        }
    }
    int subacks = 0;
    for (int expected = 0; expected < count;) {
        const auto packet = sub.receive();
        Trial::check(packet.has_value(), "the connection was closed");
        if (packet->type == Type::suback) {
            ++subacks;
            continue;
        }
        Trial::check(packet->payload == std::to_string(expected),
                     "message " + packet->payload + " instead of " + std::to_string(expected));
        sub.acknowledge(*packet);
        ++expected;
    }
    for (; subacks < count / 6; ++subacks) {
        sub.expect(Type::suback);
    }
    sub.expect_nothing();
}

MARTLET_TEST(subscribe_overlapping, "overlapping subscriptions deliver at the highest QoS",
             V311{"MQTT-3.3.5-1"}, V5{"MQTT-3.3.4-2"}) {
    Client c{t};
    c.connect();
    c.subscribe(t.topic("a/+"), 0);
    c.subscribe(t.topic("a/b"), 2);
    c.subscribe(t.topic("#"), 1);
    c.publish(Publish{.topic = t.topic("a/b"), .payload = "x", .qos = 2});
    // One copy or one for each subscription; the best of them has the highest QoS.
    unsigned best = 0;
    unsigned copies = 0;
    c.ping();
    while (const auto packet = c.receive_until(Clock::now())) {
        Trial::check(packet->type == Type::publish, "something else than copies of the message");
        best = std::max(best, packet->qos);
        ++copies;
        c.acknowledge(*packet);
    }
    Trial::check(copies >= 1 && copies <= 3, std::to_string(copies) + " copies");
    Trial::check(best == 2, "the highest QoS is " + std::to_string(best));
}

MARTLET_TEST(subscribe_to_all_sessions, "a message goes to each session that wants it",
             V311{"MQTT-4.5.0-1"}, V5{"MQTT-4.5.0-1"}) {
    std::vector<std::unique_ptr<Client>> subscribers;
    for (int i = 0; i < 8; ++i) {
        auto& sub =
            subscribers.emplace_back(std::make_unique<Client>(t, "sub" + std::to_string(i)));
        sub->connect();
        sub->subscribe(i % 2 == 0 ? t.topic("a/b") : t.topic("a/#"), 1);
    }
    Client pub{t, "pub"};
    pub.connect();
    pub.publish(Publish{.topic = t.topic("a/b"), .payload = "x", .qos = 1});
    for (auto& sub : subscribers) {
        sub->take(Publish{.topic = t.topic("a/b"), .payload = "x", .qos = 1});
        sub->expect_nothing_from(pub);
    }
}

MARTLET_TEST(subscribe_wildcards_or_refusal, "wildcards in filters work, or are refused",
             V311{"MQTT-3.8.3-2"}, V5{"MQTT-3.9.3-2"}) {
    Client c{t};
    c.connect();
    for (const auto* filter : {"a/+", "a/#"}) {
        const auto id = c.send_subscribe(Subscribe{.subscriptions = {{.filter = t.topic(filter)}}});
        const auto answer = c.await(Type::suback, id);
        if (answer.codes == std::vector{0U}) {
            c.send_publish(Publish{.topic = t.topic("a/b"), .payload = filter});
            c.expect(Publish{.topic = t.topic("a/b"), .payload = filter});
            c.unsubscribe(t.topic(filter));
        } else {
            Trial::check(answer.codes.size() == 1 && answer.codes[0] >= 0x80,
                         "neither granted nor refused");
        }
    }
}

}  // namespace

}  // namespace martlet::conformance
