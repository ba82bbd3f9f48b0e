// Shared subscriptions.

#include <functional>
#include <memory>
#include <set>

#include "conformance/suite/forms.hpp"
#include "conformance/suite/registry.hpp"

namespace martlet::conformance {

namespace {

using enum PropertyId;

void require_shares(const Client& c) {
    if (c.connack().number(shared_available).value_or(1) == 0) {
        throw Skipped{"the server has no shared subscriptions"};
    }
}

std::string shared(const Trial& t, std::string_view topic) {
    return "$share/group/" + t.topic(topic);
}

MARTLET_TEST(v5_share_bad_filters, "a shared filter is $share/, a name without wildcards, a filter",
             V5{"MQTT-4.8.2-1", "MQTT-4.8.2-2"}) {
    Client probe{t, "probe"};
    probe.connect();
    require_shares(probe);
    for (const auto* filter :
         {"$share/", "$share//a", "$share/g", "$share/g/", "$share/+/a", "$share/#/a",
          "$share/g+/a", "$share/g#", "$share/#", "$share/g/a#"}) {
        t.form(filter, [&] {
            Client c{t};
            c.connect();
            c.send_subscribe(Subscribe{.subscriptions = {{.filter = filter}}});
            const auto answer = c.receive();
            if (answer && answer->type == Type::suback) {
                Trial::check(answer->codes.size() == 1 && answer->codes[0] >= 0x80, "granted");
            } else if (answer) {
                Trial::check(answer->type == Type::disconnect, "another answer");
                Trial::check(!c.receive(), "more after DISCONNECT");
            }
        });
    }
}

MARTLET_TEST(v5_share_divides, "each message goes to one member of the share, at its granted QoS",
             V5{"MQTT-4.8.2-3", "MQTT-4.8.2-1"}) {
    Client pub{t, "pub"};
    Client plain{t, "plain"};
    pub.connect();
    plain.connect();
    require_shares(plain);
    plain.subscribe(t.topic("a/+"), 2);
    std::vector<std::unique_ptr<Client>> members;
    for (const unsigned qos : {0U, 1U, 2U}) {
        auto& member =
            members.emplace_back(std::make_unique<Client>(t, "member" + std::to_string(qos)));
        member->connect();
        member->subscribe(shared(t, "a/+"), qos);
    }
    constexpr int count = 30;
    for (int i = 0; i < count; ++i) {
        pub.publish(Publish{.topic = t.topic("a/b"), .payload = std::to_string(i), .qos = 2});
        plain.take(Publish{.topic = t.topic("a/b"), .payload = std::to_string(i), .qos = 2});
    }
    std::multiset<std::string> seen;
    for (unsigned granted = 0; granted < members.size(); ++granted) {
        auto& member = *members[granted];
        member.ping();
        while (const auto packet = member.receive_until(Clock::now())) {
            Trial::check(packet->type == Type::publish && packet->qos == granted,
                         "another QoS than the granted one: " + to_text(*packet));
            seen.insert(packet->payload);
            member.acknowledge(*packet);
            member.ping();
        }
    }
    for (int i = 0; i < count; ++i) {
        const auto times = seen.count(std::to_string(i));
        Trial::check(times == 1,
                     "message " + std::to_string(i) + " came " + std::to_string(times) + " times");
    }
}

// Many times, because what goes wrong here goes wrong sometimes: `round` gets a publisher, a
// member, and the name and the shared filter of a topic that is new.
void in_many_rounds(
    Trial& t,
    const std::function<void(Client&, Client&, const std::string&, const std::string&)>& round) {
    constexpr int share_rounds = 30;
    Client pub{t, "pub"};
    Client member{t, "member"};
    pub.connect();
    member.connect();
    require_shares(member);
    for (int i = 0; i < share_rounds; ++i) {
        const auto name = std::to_string(i);
        round(pub, member, name, "$share/" + t.id(name) + "/" + t.topic(name));
    }
}

MARTLET_TEST(v5_share_from_suback_on, "from its SUBACK on a shared subscription gets messages",
             V5{"MQTT-4.5.0-1"}) {
    in_many_rounds(t, [&](Client& pub, Client& member, const auto& name, const auto& filter) {
        member.subscribe(filter, 1);
        pub.publish(Publish{.topic = t.topic(name), .payload = "x", .qos = 1});
        member.take(Publish{.topic = t.topic(name), .payload = "x", .qos = 1});
    });
}

MARTLET_TEST(v5_share_until_unsuback, "from its UNSUBACK on a shared subscription gets none",
             V5{"MQTT-3.10.4-2"}) {
    in_many_rounds(t, [&](Client& pub, Client& member, const auto& name, const auto& filter) {
        member.subscribe(filter, 1);
        member.unsubscribe(filter);
        pub.publish(Publish{.topic = t.topic(name), .payload = "late", .qos = 1});
        member.expect_nothing_from(pub);
    });
}

MARTLET_TEST(v5_share_unsubscribe, "UNSUBSCRIBE leaves just that share",
             V5{"MQTT-3.10.4-1", "MQTT-3.11.3-2"}) {
    Client c{t};
    c.connect();
    require_shares(c);
    c.subscribe(shared(t, "a"), 1);
    c.send(Unsubscribe{.id = 50, .filters = {t.topic("a"), "$share/other/" + t.topic("a")}});
    c.expect(Unsuback{.id = 50, .codes = {0x11, 0x11}});
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    c.take(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    c.send(Unsubscribe{.id = 51, .filters = {shared(t, "a")}});
    c.expect(Unsuback{.id = 51, .codes = {0}});
    c.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    c.expect_nothing();
}

MARTLET_TEST(v5_share_completes_qos_2, "QoS 2 begun with one member is completed with it",
             V5{"MQTT-4.8.2-4"}) {
    Client pub{t, "pub"};
    pub.connect();
    Packet got;
    Client other{t, "other"};
    other.connect();
    require_shares(other);
    {
        Client member{t, "member"};
        member.connect(t.persistent());
        member.subscribe(shared(t, "a"), 2);
        pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
        got = member.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
        other.subscribe(shared(t, "a"), 2);
        member.send(Ack{.type = Type::pubrec, .id = got.id});
        member.expect(Ack{.type = Type::pubrel, .id = got.id});
        member.drop();
    }
    other.expect_nothing_from(pub);
    Client member{t, "member"};
    member.connect(t.persistent());
    member.expect(Ack{.type = Type::pubrel, .id = got.id});
    member.send(Ack{.type = Type::pubcomp, .id = got.id});
    member.expect_nothing();
    other.expect_nothing();
}

MARTLET_TEST(v5_share_resends_qos_2, "QoS 2 without a PUBREC is re-sent to the same member",
             V5{"MQTT-4.8.2-4"}) {
    Client pub{t, "pub"};
    Client other{t, "other"};
    pub.connect();
    other.connect();
    require_shares(other);
    Packet got;
    {
        Client member{t, "member"};
        member.connect(t.persistent());
        member.subscribe(shared(t, "a"), 2);
        pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
        got = member.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
        other.subscribe(shared(t, "a"), 2);
        member.drop();
    }
    other.expect_nothing_from(pub);
    Client member{t, "member"};
    member.connect(t.persistent());
    member.take(
        Publish{.topic = t.topic("a"), .payload = "x", .qos = 2, .dup = true, .id = got.id});
    other.expect_nothing();
}

MARTLET_TEST(v5_share_refusal_is_final, "what one member refuses goes to no other",
             V5{"MQTT-4.8.2-6", "MQTT-4.4.0-2"}) {
    Client pub{t, "pub"};
    Client other{t, "other"};
    pub.connect();
    other.connect();
    require_shares(other);
    Client member{t, "member"};
    member.connect();
    member.subscribe(shared(t, "a"), 2);
    for (const unsigned qos : {1U, 2U}) {
        pub.publish(Publish{.topic = t.topic("a"), .payload = "x", .qos = qos});
    }
    const auto one = member.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 1});
    const auto two = member.expect(Publish{.topic = t.topic("a"), .payload = "x", .qos = 2});
    other.subscribe(shared(t, "a"), 2);
    member.send(Ack{.type = Type::puback, .id = one.id, .code = 0x80});
    member.send(Ack{.type = Type::pubrec, .id = two.id, .code = 0x97});
    member.expect_nothing();
    member.disconnect();
    other.expect_nothing_from(pub);
}

}  // namespace

}  // namespace martlet::conformance
