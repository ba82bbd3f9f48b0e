// AUTH: the exchange during CONNECT, re-authentication, and what is out of turn.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::ReasonCode;

namespace {

constexpr ReasonCode more = ReasonCode::continue_authentication;
constexpr ReasonCode again = ReasonCode::reauthenticate;

ConnectOptions with_method(std::optional<std::string> data = std::nullopt) {
    return {.version = v5, .authentication_method = "steps", .authentication_data = data};
}

// Logged in as alice, nothing left to read.
FakeClient& log_in(BrokerFixture& broker) {
    FakeClient& client = broker.client("client");
    client.connect(with_method("as alice"));
    client.forget();
    return client;
}

// What was decided elsewhere arrives.
void decide(BrokerFixture& broker) {
    BrokerWorld& world = broker.world();
    for (const auto& [id, step] : std::exchange(world.access.decided, {})) {
        for (core::ShardIndex shard = 0; shard < world.shard_count(); ++shard) {
            world.shard(shard).on_authentication_step(id, step, world.now());
        }
    }
    broker.run();
}

}  // namespace

TEST_CASE(
    "auth: an exchange during CONNECT ends with a CONNACK that names the method [v5 MQTT-4.12.0-2] "
    "[v5 MQTT-4.12.0-5]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        client.connect(with_method("next"));
        auto packets = client.take_packets();
        REQUIRE(packets.size() == 1);
        CHECK(to_text(packets[0]) == "auth 0x18 'more'");
        CHECK(packets[0].method == "steps");
        client.auth(more, "steps", "next");
        CHECK(client.take() == "auth 0x18 'more'");
        client.auth(more, "steps", "as alice");
        packets = client.take_packets();
        REQUIRE(packets.size() == 1);
        CHECK(to_text(packets[0]) == "connack 0");
        CHECK(packets[0].method == "steps");
        CHECK(packets[0].data == "welcome");
        client.ping();
        CHECK(client.take() == "pingresp");
    });
}

TEST_CASE("auth: the session belongs to the user whom the exchange has named") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = log_in(broker);
        client.connect(with_method("as mallory"));
        CHECK(client.take() == "connack 0x85 | closed");
    });
}

TEST_CASE("auth: a client may begin with no data at all") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        client.connect(with_method());
        CHECK(client.take() == "auth 0x18 'more'");
    });
}

TEST_CASE("auth: who is refused hears it in the CONNACK [v5 MQTT-4.12.0-4]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        client.connect(with_method("next"));
        client.auth(more, "steps", "nonsense");
        CHECK(client.take() == "auth 0x18 'more' | connack 0x87 | closed");
        CHECK(broker.world().log.refused == std::vector<std::string>{"wrong answer"});
        CHECK(broker.world().total(&core::Counters::connects_refused) == 1);
    });
}

TEST_CASE("auth: nothing but AUTH and DISCONNECT before the CONNACK [v5 MQTT-3.1.2-30]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        for (const char* bytes : {"C0 00", "30 04 00 01 'a' 00", "82 07 00 01 00 00 01 'a' 00"}) {
            client.connect(with_method("next"));
            client.forget();
            client.send(bytes_of(bytes));
            CHECK(client.take() == "connack 0x82 | closed");
        }
        client.connect(with_method("next"));
        client.forget();
        client.disconnect();
        CHECK(client.take() == "closed");
        CHECK(broker.world().total(&core::Counters::protocol_errors) == 3);
    });
}

TEST_CASE("auth: faults during CONNECT have their reason codes [v5 MQTT-4.12.0-3]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        const auto says = [&](auto&& say) {
            client.connect(with_method("next"));
            client.forget();
            say();
            return client.take();
        };
        CHECK(says([&] { client.auth(more, "other", "next"); }) == "connack 0x8C | closed");
        CHECK(says([&] { client.auth(again, "steps", "next"); }) == "connack 0x82 | closed");
        CHECK(says([&] { client.auth(ReasonCode::success, "steps", "next"); }) ==
              "connack 0x82 | closed");
        // Without a method, with flags, with a reason code of other packets, cut short.
        CHECK(says([&] { client.send(bytes_of("F0 02 18 00")); }) == "connack 0x82 | closed");
        CHECK(says([&] { client.send(bytes_of("F0 00")); }) == "connack 0x82 | closed");
        CHECK(says([&] { client.send(bytes_of("F1 00")); }) == "connack 0x81 | closed");
        CHECK(says([&] { client.send(bytes_of("F0 0A 04 08 15 00 05 'steps'")); }) ==
              "connack 0x82 | closed");
        CHECK(says([&] { client.send(bytes_of("F0 01 18")); }) == "connack 0x81 | closed");
    });
}

TEST_CASE("auth: an exchange that drags on is ended") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        client.connect(with_method("next"));
        for (int i = 0; i < 3; ++i) {
            broker.pass_time(std::chrono::seconds(3));
            client.auth(more, "steps", "next");
        }
        client.forget();
        CHECK(!client.is_closed());
        broker.pass_time(std::chrono::seconds(2));
        CHECK(client.take() == "connack 0x87 | closed");
    });
}

TEST_CASE("auth: steps may be decided later; during CONNECT nothing is read until then") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        broker.world().access.decides_later = true;
        FakeClient& client = broker.client("client");
        client.connect(with_method("next"));
        CHECK(client.take() == "");
        decide(broker);
        CHECK(client.take() == "auth 0x18 'more'");
        client.auth(more, "steps", "as alice");
        client.ping();  // out of turn, but known only when it is read
        CHECK(client.take() == "");
        decide(broker);
        CHECK(client.take() == "connack 0 | pingresp");

        client.auth(again, "steps", "next");
        client.ping();  // goes on meanwhile
        CHECK(client.take() == "pingresp");
        client.auth(more, "steps", "next");
        CHECK(client.take() == "disconnect 0x82 | closed");
        decide(broker);

        FakeClient& gone = broker.client("gone");
        gone.connect(with_method("as alice"));
        gone.drop();
        decide(broker);
        CHECK(gone.take() == "closed");
        CHECK(broker.world().total(&core::Counters::connections) == 0);
    });
}

TEST_CASE("auth: a client authenticates again while other packets go on [v5 MQTT-4.12.1-1]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = log_in(broker);
        client.auth(again, "steps", "next");
        client.ping();
        CHECK(client.take() == "auth 0x18 'more' | pingresp");
        client.auth(more, "steps", "as alice");
        const auto packets = client.take_packets();
        REQUIRE(packets.size() == 1);
        CHECK(to_text(packets[0]) == "auth 0 'welcome'");
        CHECK(packets[0].method == "steps");
        client.auth(again, "steps", "as alice");
        CHECK(client.take() == "auth 0 'welcome'");
    });
}

TEST_CASE("auth: a failed re-authentication ends the connection [v5 MQTT-4.12.1-2]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = log_in(broker);
        client.auth(again, "steps", "nonsense");
        CHECK(client.take() == "disconnect 0x87 | closed");
    });
}

TEST_CASE("auth: nobody becomes another user by authenticating again") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = log_in(broker);
        client.auth(again, "steps", "as mallory");
        CHECK(client.take() == "disconnect 0x87 | closed");
    });
}

TEST_CASE("auth: faults after the CONNACK have their reason codes [v5 MQTT-3.15.2-1]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        const auto says = [&](auto&& say) {
            FakeClient& client = log_in(broker);
            say(client);
            return client.take();
        };
        using Client = FakeClient;
        CHECK(says([](Client& client) { client.auth(more, "steps", "next"); }) ==
              "disconnect 0x82 | closed");
        CHECK(says([](Client& client) { client.auth(again, "other", "next"); }) ==
              "disconnect 0x8C | closed");
        CHECK(says([](Client& client) { client.auth(ReasonCode::success, "steps"); }) ==
              "disconnect 0x82 | closed");
        CHECK(says([](Client& client) { client.send(bytes_of("F0 00")); }) ==
              "disconnect 0x82 | closed");
        CHECK(says([](Client& client) { client.send(bytes_of("F2 00")); }) ==
              "disconnect 0x81 | closed");
        CHECK(says([](Client& client) {
                  client.auth(again, "steps", "next");
                  client.auth(again, "steps", "next");
              }) == "auth 0x18 'more' | disconnect 0x82 | closed");
    });
}

TEST_CASE("auth: AUTH without a method in CONNECT is a protocol error [v5 MQTT-4.12.0-7]") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.connect("client", {.version = v5});
        client.auth(again, "steps", "as alice");
        CHECK(client.take() == "disconnect 0x82 | closed");
        client.connect({.version = v5});
        CHECK(!client.take_packets().at(0).method);  // [v5 MQTT-4.12.0-6]
    });
}

TEST_CASE("auth: AUTH before CONNECT or before MQTT 5 closes") {
    in_every_broker(v5, [](BrokerFixture& broker) {
        FakeClient& client = broker.client("client");
        client.open(v5);
        client.send(bytes_of("F0 00"));
        CHECK(client.take() == "closed");
        FakeClient& old = broker.connect("old");
        old.send(bytes_of("F0 00"));
        CHECK(old.take() == "closed");
    });
}
