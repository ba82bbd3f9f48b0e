// Whole connections over loopback TCP.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"

namespace martlet::transport::tests {

TEST_CASE("tcp: a client connects and pings and disconnects") {
    TestBroker broker(1);
    REQUIRE(!broker.error());
    RawClient client(broker.port());
    CHECK(client.exchange(connect("a"), 4) == connack);
    CHECK(client.exchange(pingreq, 2) == pingresp);
    REQUIRE(client.send(disconnect));
    CHECK(client.sees_end());
}

TEST_CASE("tcp: CONNECT may arrive split at any byte") {
    for (const core::ShardIndex shards : std::vector<core::ShardIndex>{1, 3}) {
        TestBroker broker(shards);
        const std::string bytes = connect("split") + pingreq;
        for (std::size_t split = 1; split < bytes.size(); ++split) {
            RawClient client(broker.port());
            REQUIRE(client.send(bytes.substr(0, split)));
            REQUIRE(client.send(bytes.substr(split)));
            CHECK(client.receive(6) == connack + pingresp);
        }
        RawClient client(broker.port());
        for (const char byte : bytes) {
            REQUIRE(client.send(std::string(1, byte)));
        }
        CHECK(client.receive(6) == connack + pingresp);
    }
}

TEST_CASE("tcp: every client works whichever shard is its home") {
    TestBroker broker(4);
    std::vector<RawClient> clients;
    for (int i = 0; i < 32; ++i) {
        clients.emplace_back(broker.port());
        const std::string id = "client-" + std::to_string(i);
        // What follows CONNECT at once moves along.
        CHECK(clients.back().exchange(connect(id) + subscribe("t"), 9) == connack + suback_qos0);
    }
    CHECK(broker.transport().transport_counters().handed_over > 0);
    CHECK(broker.transport().counters().connections == 32);
    const std::string message = publish("t", "hello");
    REQUIRE(clients[0].send(message));
    for (RawClient& client : clients) {
        CHECK(client.receive(message.size()) == message);
    }
}

}  // namespace martlet::transport::tests
