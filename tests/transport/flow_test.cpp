// Bytes that do not fit: slow readers, large packets, floods.
#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"

namespace martlet::transport::tests {

TEST_CASE("flow: a reader with a tiny window gets everything in order") {
    TestBroker broker(1);
    constexpr int small_window = 4096;
    RawClient reader(broker.port(), small_window);
    REQUIRE(reader.exchange(connect("reader") + subscribe("t"), 9) == connack + suback_qos0);
    RawClient writer(broker.port());
    REQUIRE(writer.exchange(connect("writer"), 4) == connack);
    std::string all;
    for (int i = 0; i < 400; ++i) {
        // Small ones are copied side by side, large ones referenced: both in one gather write.
        const std::size_t size = i % 10 == 0 ? 20'000 : 50;
        all += publish("t", std::to_string(i) + std::string(size, static_cast<char>('a' + i % 26)));
    }
    std::thread writing([&] { CHECK(writer.send(all)); });
    const std::string received = reader.receive(all.size());
    writing.join();
    CHECK(received == all);
}

TEST_CASE("flow: a large packet passes in pieces of any size") {
    for (const core::ShardIndex shards : std::vector<core::ShardIndex>{1, 2}) {
        TestBroker broker(shards);
        RawClient reader(broker.port());
        REQUIRE(reader.exchange(connect("r") + subscribe("t"), 9) == connack + suback_qos0);
        RawClient writer(broker.port());
        REQUIRE(writer.exchange(connect("w"), 4) == connack);
        const std::string message = publish("t", std::string(900'000, 'L'));
        const std::string small = publish("t", "small");
        const std::string bytes = small + message + small + message + small;
        for (const std::size_t piece : {std::size_t{1000}, std::size_t{70'001}, bytes.size()}) {
            std::thread writing([&] {
                for (std::size_t i = 0; i < bytes.size(); i += piece) {
                    CHECK(writer.send(std::string_view(bytes).substr(i, piece)));
                }
            });
            CHECK(reader.receive(bytes.size()) == bytes);
            writing.join();
        }
    }
}

TEST_CASE("flow: an unpaced flood to a subscriber that reads loses nothing") {
    for (const core::ShardIndex shards : std::vector<core::ShardIndex>{1, 2, 4}) {
        TestBroker broker(shards);
        RawClient reader(broker.port());
        REQUIRE(reader.exchange(connect("reader") + subscribe("t"), 9) == connack + suback_qos0);
        RawClient writer(broker.port());
        REQUIRE(writer.exchange(connect("writer1"), 4) == connack);
        std::string burst;
        for (int i = 0; i < 1000; ++i) {
            burst += publish("t", std::string(200, 'f'));
        }
        constexpr int bursts = 100;
        std::thread writing([&] {
            for (int i = 0; i < bursts; ++i) {
                CHECK(writer.send(burst));
            }
        });
        for (int i = 0; i < bursts; ++i) {
            REQUIRE(reader.receive(burst.size()) == burst);
        }
        writing.join();
        CHECK(broker.transport().counters().dropped() == 0);
    }
}

TEST_CASE("flow: QoS 1 publishes are acknowledged through other shards") {
    TestBroker broker(4);
    RawClient reader(broker.port());
    REQUIRE(reader.exchange(connect("r") + subscribe("q"), 9) == connack + suback_qos0);
    for (int i = 0; i < 8; ++i) {
        RawClient writer(broker.port());
        REQUIRE(writer.exchange(connect("w" + std::to_string(i)), 4) == connack);
        for (std::uint16_t id = 1; id <= 20; ++id) {
            REQUIRE(writer.send(publish_qos1("q", id, "payload")));
        }
        std::string expected;
        for (std::uint16_t id = 1; id <= 20; ++id) {
            expected += puback(id);
        }
        CHECK(writer.receive(expected.size()) == expected);
    }
    std::string all;
    for (int i = 0; i < 160; ++i) {
        all += publish("q", "payload");
    }
    CHECK(reader.receive(all.size()) == all);
}

}  // namespace martlet::transport::tests
