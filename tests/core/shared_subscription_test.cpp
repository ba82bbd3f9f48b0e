// Shared subscriptions: each message to exactly one member of a group.
#include <doctest/doctest.h>

#include <map>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::QoS;
using protocol::Version;

namespace {

std::vector<FakeClient*> make_members(BrokerFixture& broker, const ConnectOptions& connect,
                                      int count, std::string_view filter, QoS qos) {
    std::vector<FakeClient*> members;
    for (int i = 0; i < count; ++i) {
        members.push_back(&broker.connect("member" + std::to_string(i), connect));
        members.back()->subscribe(filter, qos);
        members.back()->forget();
    }
    return members;
}

// How often each payload has come, over all of them.
std::map<std::string, int> gather(const std::vector<FakeClient*>& clients) {
    std::map<std::string, int> counts;
    for (FakeClient* client : clients) {
        for (const Packet& packet : client->take_packets()) {
            if (packet.type == protocol::PacketType::publish && !packet.dup) {
                ++counts[packet.payload];
            }
        }
    }
    return counts;
}

bool each_once(const std::map<std::string, int>& counts, std::size_t messages) {
    return counts.size() == messages &&
           std::all_of(counts.begin(), counts.end(), [](const auto& c) { return c.second == 1; });
}

void publish_many(FakeClient& publisher, int count, QoS qos) {
    for (int i = 0; i < count; ++i) {
        publisher.publish("t/x", std::to_string(i), qos);
    }
}

}  // namespace

TEST_CASE("shared: exactly one member of the group gets each message and they take turns") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        for (const QoS qos : {qos0, qos1, qos2}) {
            const auto members = make_members(broker, {.version = version}, 5, "$share/g/t/+", qos);
            FakeClient& publisher = broker.connect("publisher", {.version = version});
            publish_many(publisher, 50, qos);
            for (FakeClient* member : members) {
                const std::vector<Packet> packets = member->take_packets();
                CHECK(std::count_if(packets.begin(), packets.end(), [](const Packet& packet) {
                          return packet.type == protocol::PacketType::publish;
                      }) == 10);
            }
        }
        CHECK(broker.world().dropped() == 0);
    });
}

TEST_CASE("shared: each group and each ordinary subscription gets its own copy") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const auto one = make_members(broker, {.version = version}, 2, "$share/one/t/+", qos1);
        FakeClient& two = broker.connect("two", {.version = version});
        two.subscribe({{"$share/two/t/+", qos1}, {"$share/one/t/x", qos1}, {"t/x", qos2}});
        two.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("t/x", "hello", qos2);
        CHECK(each_once(gather(one), 1));
        CHECK(two.take_packets().size() == 4);  // three messages, one of them with its PUBREL
    });
}

TEST_CASE("shared: the QoS is the lower of message and member [v5 MQTT-4.8.2-3]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& member = broker.connect("member", {.version = version});
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        for (const QoS granted : {qos0, qos1, qos2}) {
            member.subscribe("$share/g/t", granted);
            member.forget();
            for (const QoS qos : {qos0, qos1, qos2}) {
                publisher.publish("t", "x", qos);
                CHECK(member.messages() ==
                      "t q" + std::to_string(std::min(to_wire(qos), to_wire(granted))) + " 'x'");
            }
        }
        CHECK(broker.world().total(&core::Counters::shared_subscriptions) == 1);
    });
}

TEST_CASE("shared: names that are not valid are refused [v5 MQTT-4.8.2-1] [v5 MQTT-4.8.2-2]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& client = broker.connect("a", {.version = version});
        for (const char* filter : {"$share//a", "$share/g", "$share/g/", "$share/g+/a",
                                   "$share/#/a", "$share/g/a/#/b"}) {
            client.subscribe(filter, qos1);
            CHECK(client.take().ends_with(version == v5 ? " 0x8F" : " 0x80"));
        }
        CHECK(broker.world().total(&core::Counters::shared_subscriptions) == 0);
    });
}

TEST_CASE("shared: retained messages are not sent to it") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.connect("publisher", {.version = version}).retain("t", "x", qos1);
        FakeClient& member = broker.connect("member", {.version = version});
        member.subscribe("$share/g/t", qos1);
        CHECK(member.messages() == "");
    });
}

TEST_CASE("shared: No Local is a protocol error [v5 MQTT-3.8.3-4]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& member = broker.connect("member", {.version = v5});
        member.subscribe("$share/g/t", SubscribeOptions{{.qos = qos1, .no_local = true}});
        CHECK(member.take() == "disconnect 0x82 | closed");
    });
}

TEST_CASE("shared: unsubscribing and leaving take a member out of the group") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const auto members = make_members(broker, {.version = version}, 3, "$share/g/t/+", qos1);
        members[0]->unsubscribe({"$share/g/t/+"});
        CHECK(members[0]->take() == (version == v5 ? "unsuback #2 0" : "unsuback #2"));
        members[0]->unsubscribe({"$share/g/t/+"});
        CHECK(members[0]->take() == (version == v5 ? "unsuback #3 0x11" : "unsuback #3"));
        members[1]->drop();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publish_many(publisher, 10, qos1);
        CHECK(members[0]->messages() == "");
        CHECK(each_once(gather({members[2]}), 10));
        members[2]->disconnect();
        CHECK(broker.world().total(&core::Counters::shared_subscriptions) == 0);
        publish_many(publisher, 10, qos1);
    });
}

TEST_CASE("shared: what a member has not acknowledged goes to another when it leaves") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const auto members = make_members(broker, {.version = version}, 3, "$share/g/t/+", qos1);
        for (FakeClient* member : members) {
            member->auto_ack = false;
        }
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publish_many(publisher, 90, qos1);  // beyond the windows: some wait in the queues
        for (std::size_t i = 1; i < members.size(); ++i) {
            members[i]->auto_ack = true;
            for (const Packet& packet : members[i]->take_packets()) {
                members[i]->puback(packet.id);
            }
            members[i]->forget();
        }
        const auto held = gather({members[0]});
        CHECK(held.size() == 20);
        members[0]->drop();
        const auto rest = gather({members[1], members[2]});
        for (const auto& [payload, count] : held) {
            CHECK(rest.contains(payload));
        }
        CHECK(broker.world().total(&core::Counters::queued_messages) == 0);
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 0);
        CHECK(broker.world().dropped() == 0);
    });
}

TEST_CASE("shared: a persistent member that is away is left alone while others are there") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const ConnectOptions connect{.version = version, .clean = false};
        const auto members = make_members(broker, connect, 2, "$share/g/t/+", qos1);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        members[0]->drop();
        publish_many(publisher, 10, qos1);
        CHECK(each_once(gather({members[1]}), 10));
        members[1]->drop();
        publish_many(publisher, 10, qos1);  // nobody is there: they wait with the persistent
        CHECK(broker.world().total(&core::Counters::queued_messages) == 10);
        members[0]->forget();
        members[1]->forget();
        members[0]->connect(connect);
        members[1]->connect(connect);
        CHECK(each_once(gather(members), 10));
    });
}

TEST_CASE(
    "shared: a QoS 2 exchange that has begun is completed with its member [v5 MQTT-4.8.2-4]") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        const ConnectOptions connect{.version = version, .clean = false};
        const auto members = make_members(broker, connect, 1, "$share/g/t/+", qos2);
        FakeClient& first = *members[0];
        first.auto_ack = false;
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("t/x", "hello", qos2);
        CHECK(first.messages() == "t/x q2 'hello'");
        FakeClient& second = broker.connect("second", {.version = version});
        second.subscribe("$share/g/t/+", qos2);
        first.drop();
        first.forget();
        CHECK(second.messages() == "");
        first.connect(connect);
        CHECK(first.take() == "connack 0 present | publish #1 t/x q2 dup 'hello'");
        first.pubrec(1);
        first.pubcomp(1);
        CHECK(second.messages() == "");
    });
}

TEST_CASE("shared: an error in PUBACK or PUBREC ends it for the whole group [v5 MQTT-4.8.2-6]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        const auto members = make_members(broker, {.version = v5}, 2, "$share/g/t/+", qos2);
        for (FakeClient* member : members) {
            member->auto_ack = false;
        }
        FakeClient& publisher = broker.connect("publisher", {.version = v5});
        publisher.publish("t/x", "1", qos1);
        publisher.publish("t/x", "2", qos2);
        for (FakeClient* member : members) {
            const Packet packet = member->take_packets().at(0);
            member->ack(
                packet.qos == qos1 ? protocol::PacketType::puback : protocol::PacketType::pubrec,
                packet.id, protocol::ReasonCode::not_authorized);
            member->drop();
        }
        CHECK(gather(members).empty());
        CHECK(broker.world().total(&core::Counters::inflight_messages) == 0);
    });
}

TEST_CASE("shared: members with credit are preferred to a slow one") {
    WorldOptions options;
    options.limits.inflight_max = 5;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        const auto members = make_members(broker, {.version = version}, 2, "$share/g/t/+", qos1);
        members[0]->auto_ack = false;
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publish_many(publisher, 100, qos1);
        CHECK(gather({members[0]}).size() == 5);
        CHECK(gather({members[1]}).size() == 95);
    });
}

TEST_CASE("shared: a message on its way to a member that has just gone finds another") {
    WorldOptions options;
    options.shards = 4;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        options.hash_seed = seed;
        for (const QoS qos : {qos0, qos1, qos2}) {
            for (const bool clean : {true, false}) {
                BrokerFixture broker(options);
                const auto members = make_members(broker, {.clean = clean}, 2, "$share/g/t/+", qos);
                FakeClient& publisher = broker.connect("publisher");
                broker.held.mailboxes = true;
                publish_many(publisher, 4, qos);
                members[0]->drop();
                broker.held.mailboxes = false;
                broker.run();
                INFO("seed " << seed << " qos " << to_wire(qos) << " clean " << clean);
                const auto counts = gather(members);
                // One may have been in flight to the member that went: for QoS 0 it is gone, for a
                // persistent session's QoS 2 it stays with it.
                CHECK(counts.size() == 4);
                CHECK(broker.world().dropped() == 0);
            }
        }
    }
}

TEST_CASE("shared: PUBACK waits until a member on yet another shard has stored the message") {
    WorldOptions options;
    options.keeps_records = true;
    options.shards = 3;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        options.hash_seed = seed;
        BrokerFixture broker(options);
        FakeClient& publisher = broker.connect(broker.client_id_on(0, "p"));
        FakeClient& member = broker.connect(broker.client_id_on(1, "m"), {.clean = false});
        member.subscribe("$share/g/t", qos1);
        broker.held.store = true;
        publisher.publish("t", "x", qos1);
        INFO("seed " << seed);
        REQUIRE(!broker.world().store(1).pending.empty());
        CHECK(publisher.take() == "");
        broker.held.store = false;
        broker.run();
        CHECK(publisher.take() == "puback #1");
    }
}

TEST_CASE(
    "shared: SUBACK and UNSUBACK wait until the group's shard knows [v5 MQTT-4.5.0-1] [v5 "
    "MQTT-3.10.4-2]") {
    WorldOptions options;
    options.shards = 2;
    std::size_t waited = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        options.hash_seed = seed;
        BrokerFixture broker(options);
        FakeClient& member = broker.connect(broker.client_id_on(0, "m"), {.version = v5});
        for (const bool subscribes : {true, false}) {
            broker.held.mailboxes = true;
            if (subscribes) {
                member.subscribe("$share/g/t", qos1);
            } else {
                member.unsubscribe({"$share/g/t"});
            }
            const std::string early = member.take();
            broker.held.mailboxes = false;
            broker.run();
            CHECK((early + member.take()).find("suback") != std::string::npos);
            waited += early.empty() ? 1 : 0;
        }
    }
    CHECK(waited > 4);
    CHECK(waited < 24);
}
