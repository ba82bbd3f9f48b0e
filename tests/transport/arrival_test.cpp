// Connections before their CONNECT: deadlines, crowds, limits, and a system that has nothing left.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"

namespace martlet::transport::tests {

TEST_CASE("arrivals: a thousand silent connections keep nobody out") {
    for (const core::ShardIndex shards : std::vector<core::ShardIndex>{1, 2}) {
        TransportOptions options = test_options(shards);
        options.arrivals.awaiting_connect_max = 64;
        options.arrivals.grace = {};
        TestBroker broker(options);
        std::vector<RawClient> silent;
        for (int i = 0; i < 1000; ++i) {
            silent.emplace_back(broker.port());
            REQUIRE(silent.back().is_connected());
        }
        RawClient good(broker.port());
        CHECK(good.exchange(connect("good"), 4) == connack);
        CHECK(silent.front().sees_end());
        const TransportCounters counters = broker.transport().transport_counters();
        CHECK(counters.awaiting_connect <= 64);
        CHECK(counters.crowded_out >= 1000 - 64 * shards);
        CHECK(broker.lines().count("crowded out") == 1);
    }
}

TEST_CASE("arrivals: a thousand that connect at once are all given time to speak") {
    TestBroker broker(2);
    std::vector<RawClient> clients;
    for (int i = 0; i < 1000; ++i) {
        clients.emplace_back(broker.port());
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
        CHECK(clients[i].exchange(connect("c" + std::to_string(i)), 4) == connack);
    }
    CHECK(broker.transport().transport_counters().crowded_out == 0);
}

TEST_CASE("arrivals: who has begun to speak is not crowded out by the silent") {
    TransportOptions options = test_options(1);
    options.arrivals.awaiting_connect_max = 64;
    options.arrivals.grace = {};
    TestBroker broker(options);
    RawClient slow(broker.port());
    const std::string bytes = connect("slow");
    REQUIRE(slow.send(bytes.substr(0, 5)));
    // Its bytes must be there before the crowd comes: ask the shard until it has read them.
    RawClient probe(broker.port());
    REQUIRE(probe.exchange(connect("probe") + pingreq, 6) == connack + pingresp);
    std::vector<RawClient> silent;
    for (int i = 0; i < 200; ++i) {
        silent.emplace_back(broker.port());
    }
    CHECK(broker.lines().wait_for("accepted", 202));
    CHECK(slow.exchange(bytes.substr(5), 4) == connack);
}

TEST_CASE("arrivals: who comes while all places are taken waits and is not turned away") {
    for (const core::ShardIndex shards : std::vector<core::ShardIndex>{1, 2}) {
        TransportOptions options = test_options(shards);
        options.arrivals.awaiting_connect_max = 10;
        options.arrivals.grace = std::chrono::hours(1);
        options.arrivals.connect_timeout = std::chrono::hours(2);
        TestBroker broker(options);
        std::vector<RawClient> clients;
        for (int i = 0; i < 200; ++i) {
            clients.emplace_back(broker.port());
            REQUIRE(clients.back().is_connected());
        }
        for (std::size_t i = 0; i < clients.size(); ++i) {
            CHECK(clients[i].exchange(connect("c" + std::to_string(i)), 4) == connack);
        }
        CHECK(broker.transport().transport_counters().crowded_out == 0);
    }
}

TEST_CASE("arrivals: the deadline is absolute whatever drips in") {
    TransportOptions options = test_options(1);
    options.arrivals.connect_timeout = std::chrono::milliseconds(100);
    TestBroker broker(options);
    RawClient silent(broker.port());
    RawClient dripping(broker.port());
    const std::string bytes = connect("x");
    REQUIRE(dripping.send(bytes.substr(0, bytes.size() - 1)));
    CHECK(silent.sees_end());
    CHECK(dripping.sees_end());
    CHECK(broker.lines().wait_for("no CONNECT in time", 2));
    CHECK(broker.transport().transport_counters().connect_timeouts == 2);
    // One whose CONNECT came in time stays.
    RawClient good(broker.port());
    REQUIRE(good.exchange(connect("good"), 4) == connack);
    RawClient late(broker.port());
    CHECK(late.sees_end());
    CHECK(good.exchange(pingreq, 2) == pingresp);
}

TEST_CASE("arrivals: what is no CONNECT is refused at once") {
    TestBroker broker(2);
    RawClient http(broker.port());
    REQUIRE(http.send("GET / HTTP/1.1\r\n\r\n"));
    CHECK(http.sees_end());
    RawClient early(broker.port());
    REQUIRE(early.send(publish("t", "x") + connect("a")));
    CHECK(early.sees_end());
    RawClient large(broker.port());
    REQUIRE(large.send(std::string("\x10\xFF\xFF\xFF\x7F", 5)));
    CHECK(large.sees_end());
}

TEST_CASE("arrivals: connections over the listener's limit are closed and counted") {
    TransportOptions options = test_options(2);
    options.listeners[0].connections_max = 3;
    TestBroker broker(options);
    std::vector<RawClient> clients;
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back(broker.port());
        REQUIRE(clients.back().exchange(connect("c" + std::to_string(i)), 4) == connack);
    }
    for (int i = 0; i < 5; ++i) {
        RawClient refused(broker.port());
        CHECK(refused.sees_end());
    }
    CHECK(broker.transport().transport_counters().refused_too_many == 5);
    CHECK(broker.lines().count("too many connections") == 1);
    REQUIRE(clients[1].send(disconnect));
    CHECK(clients[1].sees_end());
    CHECK(RawClient(broker.port()).exchange(connect("again"), 4) == connack);
}

TEST_CASE("arrivals: the limit of all listeners together") {
    TransportOptions options = test_options(1);
    options.listeners.push_back(options.listeners[0]);
    options.connections_max = 1;
    TestBroker broker(options);
    RawClient first(broker.port(0));
    REQUIRE(first.exchange(connect("first"), 4) == connack);
    CHECK(RawClient(broker.port(1)).sees_end());
}

TEST_CASE("arrivals: without file descriptors newcomers are turned away and the others served") {
    TestBroker broker(1);
    RawClient served(broker.port());
    REQUIRE(served.exchange(connect("served"), 4) == connack);
    std::vector<OwnedFd> sockets;
    for (int i = 0; i < 20; ++i) {
        sockets.push_back(make_socket(0));
    }
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(sockets.back().get()) + 2;  // one more fits
    ::setrlimit(RLIMIT_NOFILE, &tight);
    std::vector<RawClient> clients;
    for (OwnedFd& socket : sockets) {
        REQUIRE(connect_to(socket, broker.port()));
        clients.emplace_back(std::move(socket));
    }
    for (std::size_t i = 1; i < clients.size(); ++i) {
        CHECK(clients[i].sees_end());
    }
    CHECK(served.exchange(pingreq, 2) == pingresp);
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(broker.lines().count("accept failed: Too many open files") == 1);
    CHECK(clients[0].exchange(connect("lucky"), 4) == connack);
    CHECK(RawClient(broker.port()).exchange(connect("after"), 4) == connack);
}

}  // namespace martlet::transport::tests
