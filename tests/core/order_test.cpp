// Messages of one publisher on one topic arrive in the order they were sent, per QoS, whatever
// happens in between.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using protocol::QoS;
using protocol::Version;

namespace {

// Numbers of the messages at this QoS in the order of their first arrival.
std::vector<int> numbers(const std::vector<Packet>& packets, QoS qos) {
    std::vector<int> all;
    for (const Packet& packet : packets) {
        if (packet.type == protocol::PacketType::publish && packet.qos == qos && !packet.dup) {
            all.push_back(std::stoi(packet.payload));
        }
    }
    return all;
}

bool rises(const std::vector<int>& all) {
    return std::is_sorted(all.begin(), all.end());
}

}  // namespace

TEST_CASE(
    "order: messages at each QoS arrive in order through windows and queues [v3.1.1 MQTT-4.6.0-5] "
    "[v3.1.1 MQTT-4.6.0-6] [v5 MQTT-4.6.0-5] [v5 MQTT-4.6.0-6]") {
    WorldOptions options;
    options.limits.inflight_max = 3;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe({{"t", qos2}, {"#", qos1}});
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        broker.held.all = true;
        for (int i = 0; i < 300; ++i) {
            publisher.publish("t", std::to_string(i), static_cast<QoS>(i % 3));
        }
        broker.held.all = false;
        broker.run();
        const std::vector<Packet> packets = reader.take_packets();
        for (const QoS qos : {qos0, qos1, qos2}) {
            const std::vector<int> all = numbers(packets, qos);
            CHECK(all.size() == 100);
            CHECK(rises(all));
        }
    });
}

TEST_CASE("order: it is kept through reconnects of the subscriber [v3.1.1 MQTT-4.6.0-1]") {
    WorldOptions options;
    options.limits.inflight_max = 4;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        const ConnectOptions connect{.version = version, .clean = false};
        FakeClient& reader = broker.connect("reader", connect);
        reader.subscribe("t", qos2);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        std::vector<Packet> packets;
        for (int i = 0; i < 200; ++i) {
            publisher.publish("t", std::to_string(i), i % 2 == 0 ? qos1 : qos2);
            if (i % 10 == 3) {
                reader.auto_ack = i % 20 == 3;
            }
            if (i % 15 == 7) {
                reader.drop();
            }
            if (i % 15 == 12) {
                reader.connect(connect);
            }
            for (const Packet& packet : reader.take_packets()) {
                packets.push_back(packet);
            }
        }
        reader.auto_ack = true;
        reader.connect(connect);
        for (const Packet& packet : reader.take_packets()) {
            packets.push_back(packet);
        }
        for (const QoS qos : {qos1, qos2}) {
            const std::vector<int> all = numbers(packets, qos);
            CHECK(all.size() == 100);
            CHECK(rises(all));
        }
    });
}

TEST_CASE("order: it is kept through takeovers of the publisher") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("t", qos1);
        reader.forget();
        broker.held.all = true;
        for (int i = 0; i < 50; ++i) {
            FakeClient& publisher = broker.client("publisher");
            publisher.connect({.version = version, .clean = false});
            publisher.publish("t", std::to_string(i), qos1);
            broker.run();
        }
        const std::vector<int> all = numbers(reader.take_packets(), qos1);
        CHECK(all.size() == 50);
        CHECK(rises(all));
    });
}
