// What it costs to read and to write packets, and that it allocates nothing.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "protocol/frame_decoder.hpp"
#include "protocol/packet/acks.hpp"
#include "protocol/packet/connect.hpp"
#include "protocol/packet/publish.hpp"
#include "tests/support/allocations.hpp"

namespace {

using namespace martlet;
using protocol::Version;

constexpr std::size_t packet_size_max = std::size_t{1} << 20U;

// Counts the allocations of the process from its making to report().
class Allocations {
public:
    void report(benchmark::State& state) const {
        state.counters["allocations"] =
            benchmark::Counter(static_cast<double>(testing::allocation_count() - before_),
                               benchmark::Counter::kAvgIterations);
    }

private:
    std::uint64_t before_ = testing::allocation_count();
};

std::string topic_of(std::size_t size) {
    std::string topic;
    while (topic.size() < size) {
        topic += topic.size() % 12 == 11 ? '/' : static_cast<char>('a' + topic.size() % 12);
    }
    return topic;
}

protocol::PublishView publish_on(const std::string& topic, const std::string& payload) {
    protocol::PublishView packet;
    packet.qos = protocol::QoS::at_least_once;
    packet.packet_id = protocol::PacketId{1234};
    packet.topic = topic;
    packet.payload = protocol::as_bytes(payload);
    return packet;
}

std::vector<std::byte> bytes_of(const protocol::PublishView& packet, Version version) {
    std::vector<std::byte> bytes(protocol::encoded_size(packet, version));
    protocol::ByteWriter out(bytes);
    protocol::encode(packet, version, out);
    return bytes;
}

// Content Type and two User Properties, as gateways send them.
constexpr std::string_view properties_text(
    "\x03\x00\x10"
    "application/json"
    "\x26\x00\x04unit\x00\x07"
    "celsius"
    "\x26\x00\x03seq\x00\x05"
    "12345",
    19 + 16 + 13);

void decode_publish_as(benchmark::State& state, Version version, std::string_view properties) {
    const std::string topic = topic_of(static_cast<std::size_t>(state.range(0)));
    const std::string payload(64, 'x');
    protocol::PublishView packet = publish_on(topic, payload);
    packet.properties = protocol::as_bytes(properties);
    const std::vector<std::byte> bytes = bytes_of(packet, version);
    const Allocations allocations;
    for (auto _ : state) {
        benchmark::DoNotOptimize(bytes.data());
        const auto progress = protocol::next_frame(bytes, packet_size_max);
        auto decoded = protocol::decode_publish(progress->frame, version);
        if (!decoded) {
            state.SkipWithError("the packet was not understood");
            break;
        }
        benchmark::DoNotOptimize(decoded);
    }
    allocations.report(state);
}

void decode_publish_v3(benchmark::State& state) {
    decode_publish_as(state, Version::v3_1_1, {});
}
BENCHMARK(decode_publish_v3)->Arg(8)->Arg(32)->Arg(128)->Arg(1024);

void decode_publish_v5(benchmark::State& state) {
    decode_publish_as(state, Version::v5_0, {});
}
BENCHMARK(decode_publish_v5)->Arg(32);

void decode_publish_v5_with_properties(benchmark::State& state) {
    decode_publish_as(state, Version::v5_0, properties_text);
}
BENCHMARK(decode_publish_v5_with_properties)->Arg(32);

void encode_publish(benchmark::State& state) {
    const std::string topic = topic_of(32);
    const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
    const protocol::PublishView packet = publish_on(topic, payload);
    std::vector<std::byte> bytes(protocol::encoded_size(packet, Version::v5_0));
    const Allocations allocations;
    for (auto _ : state) {
        protocol::ByteWriter out(bytes);
        protocol::encode(packet, Version::v5_0, out);
        benchmark::DoNotOptimize(bytes.data());
        benchmark::ClobberMemory();
    }
    allocations.report(state);
}
BENCHMARK(encode_publish)->Arg(64)->Arg(1024);

void encode_puback(benchmark::State& state) {
    protocol::AckView ack;
    ack.type = protocol::PacketType::puback;
    ack.packet_id = protocol::PacketId{1234};
    std::vector<std::byte> bytes(protocol::encoded_size(ack, Version::v5_0));
    const Allocations allocations;
    for (auto _ : state) {
        protocol::ByteWriter out(bytes);
        protocol::encode(ack, Version::v5_0, out);
        benchmark::DoNotOptimize(bytes.data());
        benchmark::ClobberMemory();
    }
    allocations.report(state);
}
BENCHMARK(encode_puback);

void decode_connect(benchmark::State& state) {
    protocol::ConnectView connect;
    connect.version = Version::v5_0;
    connect.client_id = "sensor-000123";
    connect.user_name = "gateway";
    std::vector<std::byte> bytes(protocol::encoded_size(connect));
    protocol::ByteWriter out(bytes);
    protocol::encode(connect, out);
    const Allocations allocations;
    for (auto _ : state) {
        benchmark::DoNotOptimize(bytes.data());
        const auto progress = protocol::next_frame(bytes, packet_size_max);
        auto decoded = protocol::decode_connect(progress->frame, nullptr);
        if (!decoded) {
            state.SkipWithError("the packet was not understood");
            break;
        }
        benchmark::DoNotOptimize(decoded);
    }
    allocations.report(state);
}
BENCHMARK(decode_connect);

}  // namespace
