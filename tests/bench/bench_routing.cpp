// What the core costs without a network: bytes in, routed, bytes in the subscribers' outboxes.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/bench_support.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/bare_broker.hpp"

namespace {

using namespace martlet;

// Batches at QoS 0 to `range(0)` subscribers of the one topic, `range(1)` messages each.
void route_qos0(benchmark::State& state) {
    testing::BareBroker broker;
    const auto subscribers = static_cast<std::size_t>(state.range(0));
    for (std::size_t i = 0; i < subscribers; ++i) {
        broker.subscribe(broker.connect("s" + std::to_string(i)), "ml1/t0/v", 0);
    }
    const core::ConnectionId publisher = broker.connect("p");
    const auto batch = static_cast<std::uint16_t>(state.range(1));
    const std::vector<std::byte> bytes = testing::publishes("ml1/t0/v", batch, 0);
    broker.receive(publisher, bytes);
    const std::uint64_t allocated = testing::allocation_count();
    for (auto _ : state) {
        broker.receive(publisher, bytes);
    }
    state.counters["allocations"] =
        benchmark::Counter(static_cast<double>(testing::allocation_count() - allocated),
                           benchmark::Counter::kAvgIterations);
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(subscribers) * batch,
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(route_qos0)
    ->ArgsProduct({{1, 10, 1000}, {32}})
    ->ArgsProduct({{1, 10, 100, 1000, 10'000, 100'000, 1'000'000}, {1}});

// A window of `range(0)` at QoS 1, forwarded and acknowledged on both sides; time is per window,
// the copying of what the subscriber acknowledges included.
void route_qos1(benchmark::State& state) {
    testing::BareBroker broker;
    const std::string topic = "ml1/t0/v";
    const core::ConnectionId subscriber = broker.connect("s");
    broker.subscribe(subscriber, topic, 1);
    const core::ConnectionId publisher = broker.connect("p");
    const auto window = static_cast<std::uint16_t>(state.range(0));
    const std::vector<std::byte> bytes = testing::publishes(topic, window, 1);
    broker.network.kept = subscriber;
    for (auto _ : state) {
        broker.network.sent.clear();
        broker.receive(publisher, bytes);
        broker.receive(subscriber, testing::acknowledge(broker.network.sent, topic.size()));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * window);
}
BENCHMARK(route_qos1)->Arg(1)->Arg(20);

// Clients that are only there: what one more costs to let in and to keep.
void connect_clients(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        state.PauseTiming();
        auto broker = std::make_unique<testing::BareBroker>();
        const std::size_t before = bench::heap_bytes();
        state.ResumeTiming();
        for (std::size_t i = 0; i < count; ++i) {
            broker->connect("client-" + std::to_string(i));
        }
        state.PauseTiming();
        state.counters["heap_bytes_each"] =
            static_cast<double>(bench::heap_bytes() - before) / static_cast<double>(count);
        broker.reset();
        state.ResumeTiming();
    }
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(count),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(connect_clients)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
