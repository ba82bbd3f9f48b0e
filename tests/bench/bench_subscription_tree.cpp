#include <benchmark/benchmark.h>

#include <memory>

#include "server/core/subscription_tree.hpp"
#include "tests/bench/bench_support.hpp"

namespace martlet::core {
namespace {

using bench::ShuffledTexts;

constexpr std::uint64_t seed = 0x5eed;

Subscriber subscriber(std::uint64_t session) {
    return Subscriber::make(static_cast<SessionSlot>(session), 0, {}, 0);
}

// Built once for all benchmarks of that size, in the order in which a client would subscribe.
const SubscriptionTree& mixed_tree(std::uint64_t filters) {
    static std::unique_ptr<SubscriptionTree> tree;
    if (tree == nullptr || tree->filter_count() != filters) {
        tree = std::make_unique<SubscriptionTree>(seed);
        for (std::uint64_t i = 0; i < filters; ++i) {
            tree->add(bench::subscription_filter(i), subscriber(i));
        }
    }
    return *tree;
}

void match_one(const SubscriptionTree& tree, std::string_view topic, std::uint64_t& found) {
    tree.match(topic, [&](FilterKey, std::span<const Subscriber> subscribers) {
        found += subscribers[0].session + 1;
    });
}

void match_mixed(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    const SubscriptionTree& tree = mixed_tree(count);
    ShuffledTexts topics(count, bench::subscribed_topic);
    std::uint64_t found = 0;
    for (auto _ : state) {
        match_one(tree, topics.next(), found);
    }
    benchmark::DoNotOptimize(found);
}
BENCHMARK(match_mixed)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Arg(5'000'000);

// Topics that nobody has subscribed to.
void match_nothing(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    const SubscriptionTree& tree = mixed_tree(count);
    ShuffledTexts topics(count, [](std::uint64_t i) { return bench::subscribed_topic(i) + "x"; });
    std::uint64_t found = 0;
    for (auto _ : state) {
        match_one(tree, topics.next(), found);
    }
    benchmark::DoNotOptimize(found);
}
BENCHMARK(match_nothing)->Arg(1'000'000);

void match_single_exact_filter(benchmark::State& state) {
    SubscriptionTree tree(seed);
    tree.add("b12345/t1/v", subscriber(1));
    std::string topic = "b12345/t1/v";
    std::uint64_t found = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(topic.data());
        match_one(tree, topic, found);
    }
    benchmark::DoNotOptimize(found);
}
BENCHMARK(match_single_exact_filter);

void match_single_wildcard_filter(benchmark::State& state) {
    SubscriptionTree tree(seed);
    tree.add("b12345/#", subscriber(1));
    std::string topic = "b12345/t1/v";
    std::uint64_t found = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(topic.data());
        match_one(tree, topic, found);
    }
    benchmark::DoNotOptimize(found);
}
BENCHMARK(match_single_wildcard_filter);

// Every filter of 12 levels "x" or "+": a match meets all of them.
void match_4096_filters_of_pluses(benchmark::State& state) {
    SubscriptionTree tree(seed);
    for (unsigned bits = 0; bits < 4096; ++bits) {
        std::string filter;
        for (unsigned i = 0; i < 12; ++i) {
            filter += (bits >> i & 1U) != 0 ? "/+" : "/x";
        }
        tree.add(filter, subscriber(bits));
    }
    std::uint64_t found = 0;
    for (auto _ : state) {
        match_one(tree, "/x/x/x/x/x/x/x/x/x/x/x/x", found);
    }
    benchmark::DoNotOptimize(found);
}
BENCHMARK(match_4096_filters_of_pluses);

// One path of `range(0)` levels, met by "#" at each of them.
void match_deep(benchmark::State& state) {
    SubscriptionTree tree(seed);
    std::string topic = "d";
    tree.add("#", subscriber(0));
    for (std::int64_t level = 1; level < state.range(0); ++level) {
        tree.add(topic + "/#", subscriber(static_cast<std::uint64_t>(level)));
        topic += "/level" + std::to_string(level);
    }
    std::uint64_t found = 0;
    for (auto _ : state) {
        match_one(tree, topic, found);
    }
    benchmark::DoNotOptimize(found);
    state.SetComplexityN(state.range(0));
}
BENCHMARK(match_deep)->RangeMultiplier(2)->Range(2, 128)->Complexity();

// Hundreds of thousands of names below one level, each with one subscriber.
void match_wide(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    const auto name = [](std::uint64_t i) { return "wide/u" + std::to_string(i); };
    SubscriptionTree tree(seed);
    for (std::uint64_t i = 0; i < count; ++i) {
        tree.add(name(i), subscriber(i));
    }
    ShuffledTexts topics(count, name);
    std::uint64_t found = 0;
    for (auto _ : state) {
        match_one(tree, topics.next(), found);
    }
    benchmark::DoNotOptimize(found);
}
BENCHMARK(match_wide)->Arg(1000)->Arg(1'000'000);

// Most filters have a "+" or a "#": "site/+/unit/…", ".../#".
void match_among_wildcards(benchmark::State& state, bool with_hash) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    SubscriptionTree tree(seed);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string unit = std::to_string(i);
        tree.add(with_hash ? "site/" + unit + "/#" : "site/+/" + unit + "/v", subscriber(i));
    }
    ShuffledTexts topics(count, [&](std::uint64_t i) {
        return with_hash ? "site/" + std::to_string(i) + "/t/v"
                         : "site/s7/" + std::to_string(i) + "/v";
    });
    std::uint64_t found = 0;
    for (auto _ : state) {
        match_one(tree, topics.next(), found);
    }
    benchmark::DoNotOptimize(found);
}
BENCHMARK_CAPTURE(match_among_wildcards, plus, false)->Arg(1000)->Arg(1'000'000);
BENCHMARK_CAPTURE(match_among_wildcards, hash, true)->Arg(1000)->Arg(1'000'000);

void add_mixed(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    std::string texts;
    std::vector<std::string> filters;
    for (std::uint64_t i = 0; i < count; ++i) {
        filters.push_back(bench::subscription_filter(i));
    }
    for (auto _ : state) {
        state.PauseTiming();
        const std::size_t before = bench::heap_bytes();
        auto tree = std::make_unique<SubscriptionTree>(seed);
        state.ResumeTiming();
        for (std::uint64_t i = 0; i < count; ++i) {
            tree->add(filters[i], subscriber(i));
        }
        state.PauseTiming();
        state.counters["bytes_each"] =
            static_cast<double>(tree->memory_size()) / static_cast<double>(count);
        state.counters["heap_bytes_each"] =
            static_cast<double>(bench::heap_bytes() - before) / static_cast<double>(count);
        tree.reset();
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(count),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(add_mixed)->Arg(1000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Arg(5'000'000)->Unit(
    benchmark::kMillisecond);

// In random order: the worst for the caches.
void remove_mixed(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    const ShuffledTexts filters(count, bench::subscription_filter);
    for (auto _ : state) {
        state.PauseTiming();
        SubscriptionTree tree(seed);
        std::vector<FilterKey> keys;
        for (std::size_t i = 0; i < filters.size(); ++i) {
            keys.push_back(tree.add(filters[i], subscriber(i)).key);
        }
        std::shuffle(keys.begin(), keys.end(), std::mt19937_64(2));
        state.ResumeTiming();
        for (const FilterKey key : keys) {
            tree.remove(key, 0);
        }
    }
    state.counters["each"] = benchmark::Counter(
        static_cast<double>(count),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(remove_mixed)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void find_mixed(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    const SubscriptionTree& tree = mixed_tree(count);
    ShuffledTexts filters(count, bench::subscription_filter);
    for (auto _ : state) {
        benchmark::DoNotOptimize(tree.find(filters.next()));
    }
}
BENCHMARK(find_mixed)->Arg(1'000'000);

// Many sessions on one filter, as they come and go.
void join_and_leave_filter_of_a_million(benchmark::State& state) {
    SubscriptionTree tree(seed);
    FilterKey key = no_filter;
    for (std::uint64_t i = 0; i < 1'000'000; ++i) {
        key = tree.add("all", subscriber(i)).key;
    }
    std::uint32_t position = 0;
    for (auto _ : state) {
        tree.add("all", subscriber(1));
        position = (position * 1'664'525 + 1'013'904'223) % 1'000'000;
        tree.remove(key, position);
    }
}
BENCHMARK(join_and_leave_filter_of_a_million);

}  // namespace
}  // namespace martlet::core
