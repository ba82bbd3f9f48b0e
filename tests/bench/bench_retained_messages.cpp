#include <benchmark/benchmark.h>

#include <memory>

#include "server/core/retained_messages.hpp"
#include "tests/bench/bench_support.hpp"
#include "tests/support/make_message.hpp"

namespace martlet::core {
namespace {

constexpr std::uint64_t seed = 0x5eed;
constexpr std::string_view payload =
    "0123456789012345678901234567890123456789012345678901234567890123";

void fill(RetainedMessages& retained, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string topic = bench::retained_topic(i);
        retained.set(topic, {testing::make_message(topic, payload)});
    }
}

RetainedMessages& retained_of(std::uint64_t count) {
    static std::unique_ptr<RetainedMessages> retained;
    if (retained == nullptr || retained->count() != count) {
        retained = std::make_unique<RetainedMessages>(seed);
        fill(*retained, count);
    }
    return *retained;
}

void set_new_retained(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    std::vector<MessageRef> messages;
    for (std::uint64_t i = 0; i < count; ++i) {
        messages.push_back(testing::make_message(bench::retained_topic(i), payload));
    }
    for (auto _ : state) {
        state.PauseTiming();
        const std::size_t before = bench::heap_bytes();
        auto retained = std::make_unique<RetainedMessages>(seed);
        state.ResumeTiming();
        for (const MessageRef& message : messages) {
            retained->set(message->topic(), {message});
        }
        state.PauseTiming();
        state.counters["index_bytes_each"] =
            static_cast<double>(retained->memory_size()) / static_cast<double>(count);
        state.counters["heap_bytes_each"] =
            static_cast<double>(bench::heap_bytes() - before) / static_cast<double>(count);
        retained.reset();
        state.ResumeTiming();
    }
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(count),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(set_new_retained)
    ->Arg(1000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Arg(5'000'000)
    ->Unit(benchmark::kMillisecond);

void replace_retained(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    RetainedMessages& retained = retained_of(count);
    bench::ShuffledTexts topics(count, bench::retained_topic);
    MessageRef message = testing::make_message("b12345/r/1/d1", payload);
    for (auto _ : state) {
        message = retained.set(topics.next(), {std::move(message)}).message;
    }
}
BENCHMARK(replace_retained)->Arg(1000)->Arg(1'000'000);

void find_retained(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    const RetainedMessages& retained = retained_of(count);
    bench::ShuffledTexts topics(count, bench::retained_topic);
    for (auto _ : state) {
        benchmark::DoNotOptimize(retained.find(topics.next()));
    }
}
BENCHMARK(find_retained)->Arg(1000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Arg(5'000'000);

void drain_retained(benchmark::State& state, const char* filter) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    RetainedMessages& retained = retained_of(count);
    std::uint64_t seen = 0;
    std::uint64_t bytes = 0;
    for (auto _ : state) {
        RetainedMessages::Cursor cursor(retained, filter);
        for (;;) {
            std::size_t budget = 1000;
            auto next = cursor.next(budget);
            while (next.step == RetainedMessages::Cursor::Step::message) {
                ++seen;
                bytes += next.message->payload().size();  // as its encoder would
                next = cursor.next(budget);
            }
            if (next.step == RetainedMessages::Cursor::Step::done) {
                break;
            }
        }
    }
    benchmark::DoNotOptimize(bytes);
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(seen), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(drain_retained, hash, "b12345/r/#")
    ->Arg(1000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(drain_retained, plus, "b12345/r/+/d7")
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

void erase_retained(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    const bench::ShuffledTexts topics(count, bench::retained_topic);
    for (auto _ : state) {
        state.PauseTiming();
        RetainedMessages retained(seed);
        fill(retained, count);
        state.ResumeTiming();
        for (std::size_t i = 0; i < topics.size(); ++i) {
            retained.erase(topics[i]);
        }
    }
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(count),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(erase_retained)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace martlet::core
