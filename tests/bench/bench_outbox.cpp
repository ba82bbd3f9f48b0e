#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "server/core/outbox.hpp"
#include "server/core/ring_queue.hpp"
#include "tests/support/make_message.hpp"

namespace martlet::core {
namespace {

// As a write does: at most 64 segments at a time.
std::size_t write_all(ChunkPool& pool, Outbox& outbox) {
    std::size_t written = 0;
    while (!outbox.empty()) {
        std::array<OutputSegment, 64> segments;
        const std::size_t count = outbox.gather(segments);
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i) {
            size += segments[i].size;
        }
        outbox.consume(pool, size);
        written += size;
    }
    return written;
}

// Packets of one connection, flushed every 100.
void append_packets(benchmark::State& state) {
    ChunkPool pool;
    Outbox outbox;
    const std::string packet(static_cast<std::size_t>(state.range(0)), 'x');
    int pending = 0;
    for (auto _ : state) {
        outbox.append(pool, protocol::as_bytes(packet));
        if (++pending == 100) {
            benchmark::DoNotOptimize(write_all(pool, outbox));
            pending = 0;
        }
    }
    outbox.clear(pool);
}
BENCHMARK(append_packets)->Arg(4)->Arg(100)->Arg(1000);

// One packet to each of 1000 connections, then all are flushed.
void fan_out(benchmark::State& state) {
    ChunkPool pool;
    std::vector<Outbox> outboxes(1000);
    const std::string packet(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state) {
        for (Outbox& outbox : outboxes) {
            outbox.append(pool, protocol::as_bytes(packet));
        }
        for (Outbox& outbox : outboxes) {
            benchmark::DoNotOptimize(write_all(pool, outbox));
        }
    }
    state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(fan_out)->Arg(100);

// A header and a payload that goes to 50 connections: where does sharing beat copying?
template <bool Shared>
void send_payload(benchmark::State& state) {
    ChunkPool pool;
    std::vector<Outbox> outboxes(50);
    const std::string header(16, 'h');
    const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state) {
        const MessageRef message = testing::make_message("t", payload);
        for (Outbox& outbox : outboxes) {
            outbox.append(pool, protocol::as_bytes(header));
            if (Shared) {
                outbox.append_shared(pool, message, message->payload());
            } else {
                outbox.append(pool, message->payload());
            }
        }
        for (Outbox& outbox : outboxes) {
            benchmark::DoNotOptimize(write_all(pool, outbox));
        }
    }
    state.SetItemsProcessed(state.iterations() * 50);
}
BENCHMARK(send_payload<false>)->RangeMultiplier(2)->Range(512, 65'536);
BENCHMARK(send_payload<true>)->RangeMultiplier(2)->Range(512, 65'536);

void ring_queue_passes(benchmark::State& state) {
    RingQueue<std::uint64_t> queue;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        queue.push_back(1);
    }
    std::uint64_t sum = 0;
    for (auto _ : state) {
        queue.push_back(2);
        sum += queue.front();
        queue.pop_front();
    }
    benchmark::DoNotOptimize(sum);
}
BENCHMARK(ring_queue_passes)->Arg(0)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace martlet::core
