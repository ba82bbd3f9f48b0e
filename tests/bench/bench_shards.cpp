// What more shards cost: the same messages through 1 to 64 of them, in one thread, without a
// network. So it counts the work alone; what waiting for another core's memory and waking it cost
// is not in it.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/bare_broker.hpp"

namespace {

using namespace martlet;

class Shards final : public core::ShardLink {
public:
    explicit Shards(core::ShardIndex count) : mail_(count) {
        for (core::ShardIndex index = 0; index < count; ++index) {
            brokers_.push_back(std::make_unique<testing::BareBroker>(index, count, this));
        }
        for (const auto& broker : brokers_) {
            broker->shard.end_pass({});
        }
        run();
    }

    testing::BareBroker& operator[](std::size_t index) { return *brokers_[index]; }

    void send(core::ShardIndex from, core::ShardIndex to, core::ShardBatch batch) override {
        mail_[to].emplace_back(from, std::move(batch));
    }

    // Until nothing is on its way; who has no mail sleeps.
    void run() {
        for (bool moves = true; moves;) {
            moves = false;
            for (std::size_t index = 0; index < brokers_.size(); ++index) {
                if (mail_[index].empty()) {
                    continue;
                }
                moves = true;
                core::Shard& shard = brokers_[index]->shard;
                for (auto& [from, batch] : std::exchange(mail_[index], {})) {
                    shard.on_batch(from, std::move(batch), {});
                }
                shard.end_pass({});
            }
        }
    }

private:
    std::vector<std::unique_ptr<testing::BareBroker>> brokers_;
    std::vector<std::vector<std::pair<core::ShardIndex, core::ShardBatch>>> mail_;
};

void count_each(benchmark::State& state, double messages) {
    state.counters["each"] = benchmark::Counter(
        messages, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

constexpr std::uint16_t batch = 16;  // less than an inflight window

// A subscriber on shard 0, its publisher on the last; the others have subscribers of their own.
void route_to_another_shard(benchmark::State& state) {
    const auto count = static_cast<core::ShardIndex>(state.range(0));
    const auto qos = static_cast<unsigned>(state.range(1));
    Shards shards(count);
    for (std::size_t i = 0; i < count; ++i) {
        testing::BareBroker& broker = shards[i];
        broker.subscribe(broker.connect("s" + std::to_string(i)), "ml1/t" + std::to_string(i), qos);
    }
    testing::BareBroker& reading = shards[0];
    const core::ConnectionId reader = reading.connect("reader");
    const std::string topic = "ml1/topic/v";
    reading.subscribe(reader, topic, qos);
    reading.network.kept = reader;
    testing::BareBroker& publishing = shards[count - 1U];
    const core::ConnectionId publisher = publishing.connect("publisher");
    shards.run();
    const std::vector<std::byte> bytes = testing::publishes(topic, batch, qos);
    for (auto _ : state) {
        reading.network.sent.clear();
        publishing.receive(publisher, bytes);
        shards.run();
        if (qos != 0) {
            reading.receive(reader, testing::acknowledge(reading.network.sent, topic.size()));
        }
    }
    count_each(state, batch);
}
BENCHMARK(route_to_another_shard)->ArgsProduct({{1, 2, 4, 16, 64}, {0, 1}});

// One message to 1,024 subscribers, as many on each shard.
void fan_out_over_shards(benchmark::State& state) {
    const auto count = static_cast<core::ShardIndex>(state.range(0));
    constexpr std::size_t subscribers = 1024;
    Shards shards(count);
    for (std::size_t i = 0; i < subscribers; ++i) {
        testing::BareBroker& broker = shards[i % count];
        broker.subscribe(broker.connect("s" + std::to_string(i)), "ml1/topic/v", 0);
    }
    testing::BareBroker& publishing = shards[0];
    const core::ConnectionId publisher = publishing.connect("publisher");
    shards.run();
    const std::vector<std::byte> bytes = testing::publishes("ml1/topic/v", batch, 0);
    for (auto _ : state) {
        publishing.receive(publisher, bytes);
        shards.run();
    }
    count_each(state, static_cast<double>(subscribers) * batch);
}
BENCHMARK(fan_out_over_shards)->Arg(1)->Arg(2)->Arg(4)->Arg(16)->Arg(64);

}  // namespace
