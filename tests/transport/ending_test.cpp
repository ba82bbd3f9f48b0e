// How connections end: FIN, reset, refusal, shutdown.
#include <doctest/doctest.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"

namespace martlet::transport::tests {

namespace {

// "disconnected ID REASON" as TestEvents writes it.
std::string disconnected(const std::string& id, core::CloseReason reason) {
    return "disconnected " + id + " " + std::to_string(static_cast<int>(reason));
}

std::string connect_with_will(std::string_view client_id, std::string_view topic,
                              std::string_view payload) {
    std::string body = field("MQTT");
    body += '\x04';
    body += '\x06';
    body += std::string("\x00\x00", 2);
    return packet(0x10, body + field(client_id) + field(topic) + field(payload));
}

// MQTT 5, no properties.
std::string connect_v5(std::string_view client_id) {
    std::string body = field("MQTT");
    body += '\x05';
    body += '\x02';
    body += std::string("\x00\x00\x00", 3);
    return packet(0x10, body + field(client_id));
}

}  // namespace

TEST_CASE("ending: what came before FIN is processed and answered") {
    for (const core::ShardIndex shards : std::vector<core::ShardIndex>{1, 3}) {
        TestBroker broker(shards);
        RawClient subscriber(broker.port());
        REQUIRE(subscriber.exchange(connect("sub") + subscribe("t"), 9) == connack + suback_qos0);
        RawClient client(broker.port());
        const std::string message = publish("t", "last words");
        REQUIRE(client.send(connect("a") + message + pingreq));
        client.half_close();
        CHECK(client.receive_all() == connack + pingresp);
        CHECK(subscriber.receive(message.size()) == message);
        CHECK(broker.lines().wait_for(disconnected("a", core::CloseReason::peer_closed)));
    }
}

TEST_CASE("ending: FIN and reset publish the will on every shard") {
    TestBroker broker(3);
    RawClient subscriber(broker.port());
    REQUIRE(subscriber.exchange(connect("sub") + subscribe("w"), 9) == connack + suback_qos0);
    const std::string will = publish("w", "gone");
    for (int i = 0; i < 6; ++i) {
        RawClient client(broker.port());
        REQUIRE(client.exchange(connect_with_will("w" + std::to_string(i), "w", "gone"), 4) ==
                connack);
        if (i % 2 == 0) {
            client.close();
        } else {
            client.reset();
        }
        CHECK(subscriber.receive(will.size()) == will);
    }
    CHECK(broker.lines().wait_for(disconnected("w0", core::CloseReason::peer_closed)));
    CHECK(broker.lines().wait_for("disconnected w1"));
}

TEST_CASE("ending: the last words arrive even when unread bytes would cause a reset") {
    TestBroker broker(1);
    RawClient client(broker.port());
    REQUIRE(client.send(connect_v5("five")));
    const std::string answer = client.receive(2);
    REQUIRE(answer.size() == 2);
    REQUIRE(client.receive(static_cast<std::size_t>(answer[1])).size() ==
            static_cast<std::size_t>(answer[1]));
    // A second CONNECT is an error; a megabyte follows that nobody will read.
    REQUIRE(client.send(connect_v5("five") + std::string(1024 * 1024, 'x')));
    const std::string last = client.receive_all();
    REQUIRE(last.size() >= 3);
    CHECK(static_cast<unsigned char>(last[0]) == 0xE0);
    CHECK(static_cast<unsigned char>(last[2]) == 0x82);
}

TEST_CASE("ending: a session that is taken over ends the older connection") {
    TestBroker broker(3);
    RawClient older(broker.port());
    REQUIRE(older.exchange(connect("same"), 4) == connack);
    RawClient newer(broker.port());
    REQUIRE(newer.exchange(connect("same"), 4) == connack);
    CHECK(older.sees_end());
    CHECK(newer.exchange(pingreq, 2) == pingresp);
}

TEST_CASE("ending: stopping the broker ends every connection and delivers what waits") {
    TestBroker broker(3);
    std::vector<RawClient> clients;
    for (int i = 0; i < 9; ++i) {
        clients.emplace_back(broker.port());
        REQUIRE(clients.back().exchange(connect("c" + std::to_string(i)), 4) == connack);
    }
    RawClient silent(broker.port());
    CHECK(broker.lines().wait_for("accepted", 10));
    // Each client ends its side once it has seen the end, so the drain need not wait.
    std::thread stopping([&] { broker.transport().stop(); });
    for (RawClient& client : clients) {
        CHECK(client.sees_end());
        client.close();
    }
    CHECK(silent.sees_end());
    stopping.join();
    CHECK(!RawClient(broker.port()).is_connected());
    CHECK(broker.lines().count("disconnected c") == 9);
}

TEST_CASE("ending: a connection attempt that breaks at once harms nobody") {
    TestBroker broker(2);
    for (int i = 0; i < 50; ++i) {
        RawClient client(broker.port());
        client.reset();
    }
    CHECK(RawClient(broker.port()).exchange(connect("a"), 4) == connack);
}

// The shard is held up until both have come: the old connection's farewell in its socket, the new
// connection in the mail of the shard that has accepted it.
TEST_CASE("ending: a DISCONNECT from before its client came back is heard before the new CONNECT") {
    const TransportOptions options = test_options(2);
    TestBroker broker(options);
    const core::ShardIndex home = core::home_of_client("me", options.hash_seed, 2);
    const core::ShardIndex other = 1 - home;
    RawClient client(broker.port());
    REQUIRE(client.exchange(connect("me"), 4) == connack);
    for (int i = 0; i < 20; ++i) {
        std::promise<void> held;
        std::promise<void> release;
        broker.transport().post(
            home, [&, released = release.get_future().share()](core::Shard&, core::Instant) {
                held.set_value();
                released.wait();
            });
        held.get_future().wait();
        REQUIRE(client.send(disconnect));
        RawClient again(broker.port());
        REQUIRE(again.send(connect("me")));
        for (int passes = 0; passes < 5; ++passes) {
            broker.transport().run_on_shard(other, [](core::Shard&, core::Instant) {});
        }
        release.set_value();
        REQUIRE(again.receive(4) == connack);
        client = std::move(again);
    }
    CHECK(broker.transport().counters().sessions_taken_over == 0);
}

}  // namespace martlet::transport::tests
