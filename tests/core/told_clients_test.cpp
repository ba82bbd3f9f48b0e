// What MQTT 5 clients are told about where to listen for responses, and where to go.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;

TEST_CASE("response information: who asks gets the beginning of topics of its own") {
    WorldOptions options;
    options.limits.response_information_prefix = "replies/";
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        const auto told = [&](std::string client_id, bool asks) {
            FakeClient& client = broker.client(std::move(client_id));
            client.connect({.version = v5, .response_information = asks});
            return client.take_packets().at(0).response_information;
        };
        CHECK(told("alice", true) == "replies/alice");
        CHECK(told("a/b+c#d%", true) == "replies/a%2Fb%2Bc%23d%25");
        CHECK(told("alice", false) == std::nullopt);  // [v5 MQTT-3.1.2-28]
        FakeClient& unnamed = broker.client("");
        unnamed.connect({.version = v5, .response_information = true});
        const Packet connack = unnamed.take_packets().at(0);
        CHECK(connack.response_information == "replies/" + connack.assigned_client_id);
    });
}

TEST_CASE("response information: nobody gets any unless the operator has said where") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("alice");
        client.connect({.version = v5, .response_information = true});
        CHECK(!client.take_packets().at(0).response_information);
    });
}

TEST_CASE("server reference: at the end of the broker clients hear where to go") {
    WorldOptions options;
    options.limits.server_reference = "other.example:1883";
    in_every_broker(v5, options, [](BrokerFixture& broker) {
        FakeClient& client = broker.connect("alice", {.version = v5});
        FakeClient& old = broker.connect("old");
        for (core::ShardIndex i = 0; i < broker.world().shard_count(); ++i) {
            broker.world().shard(i).shut_down(broker.world().now());
        }
        broker.run();
        const auto packets = client.take_packets();
        REQUIRE(packets.size() == 1);
        CHECK(to_text(packets[0]) == "disconnect 0x9C");
        CHECK(packets[0].server_reference == "other.example:1883");
        CHECK(old.take() == "closed");

        FakeClient& late = broker.client("late");
        late.connect({.version = v5});
        const auto refusal = late.take_packets();
        REQUIRE(refusal.size() == 1);
        CHECK(to_text(refusal[0]) == "connack 0x9C");
        CHECK(refusal[0].server_reference == "other.example:1883");
        CHECK(late.is_closed());
        FakeClient& late_and_old = broker.client("late and old");
        late_and_old.connect({});
        CHECK(late_and_old.take() == "connack 0x88 | closed");
    });
}

TEST_CASE("server reference: without one the server is shutting down") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.connect("alice", {.version = v5});
        for (core::ShardIndex i = 0; i < broker.world().shard_count(); ++i) {
            broker.world().shard(i).shut_down(broker.world().now());
        }
        broker.run();
        const auto packets = client.take_packets();
        REQUIRE(packets.size() == 1);
        CHECK(to_text(packets[0]) == "disconnect 0x8B");
        CHECK(packets[0].server_reference.empty());
        FakeClient& late = broker.client("late");
        late.connect({.version = v5});
        CHECK(late.take() == "connack 0x88 | closed");
    });
}
