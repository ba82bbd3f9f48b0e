#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <random>
#include <vector>

#include "server/core/timer_wheel.hpp"

namespace martlet::core {
namespace {

using namespace std::chrono_literals;

// A keep-alive timer each for many connections, armed anew at random.
void reschedule_timers(benchmark::State& state) {
    const auto count = static_cast<std::uint32_t>(state.range(0));
    const auto timers = std::make_unique<Timer[]>(count);
    TimerWheel wheel(Instant{});
    std::mt19937 engine(1);
    std::vector<std::uint32_t> order(1 << 16);
    for (std::uint32_t& each : order) {
        each = static_cast<std::uint32_t>(engine() % count);
    }
    std::size_t at = 0;
    for (auto _ : state) {
        const std::uint32_t id = order[at++ & 0xFFFF];
        wheel.schedule(timers[id], {0, id}, Instant{} + 90s + id * 1us);
    }
}
BENCHMARK(reschedule_timers)->Arg(1000)->Arg(1'000'000);

// The life of a timer: armed, moved down, fired and armed again. One iteration is one tick.
void fire_timers(benchmark::State& state) {
    const auto count = static_cast<std::uint32_t>(state.range(0));
    const auto timers = std::make_unique<Timer[]>(count);
    TimerWheel wheel(Instant{});
    Instant now{};
    for (std::uint32_t id = 0; id < count; ++id) {
        wheel.schedule(timers[id], {0, id}, now + id % 60'000 * 1ms);
    }
    std::uint64_t fired = 0;
    for (auto _ : state) {
        now += TimerWheel::tick;
        wheel.advance(now, [&](TimerKey key) {
            wheel.schedule(timers[key.id], key, now + 60s);
            ++fired;
        });
    }
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(fired), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(fire_timers)->Arg(1000)->Arg(1'000'000);

void advance_with_nothing_due(benchmark::State& state) {
    Timer timer;
    TimerWheel wheel(Instant{});
    wheel.schedule(timer, {0, 1}, never);
    Instant now{};
    for (auto _ : state) {
        now += 10us;
        wheel.advance(now, [](TimerKey) {});
        benchmark::DoNotOptimize(wheel.next_deadline());
    }
}
BENCHMARK(advance_with_nothing_due);

}  // namespace
}  // namespace martlet::core
