// The durable store on the disk of the working directory: 64-byte messages, 256 to a commit, all of
// the process's CPU time counted (the store's thread too). Build messages outside the timing.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/store/sqlite_store.hpp"

namespace martlet::store {
namespace {

constexpr std::size_t group_size = 256;
constexpr std::size_t session_count = 200;

class BenchStore {
public:
    explicit BenchStore(bool is_new) {
        if (is_new) {
            std::filesystem::remove_all(directory);
        }
        StoreOptions options;
        options.directory = directory;
        options.clock_base = core::Instant{};
        options.wall_ms_at_base = 1'700'000'000'000;
        options.deliver = [this](core::ShardIndex, core::StoreNews news) {
            const std::lock_guard lock(mutex_);
            durable_ = std::max(durable_, news.durable);
            for (core::LoadedMessages& each : news.loaded) {
                loaded_ += each.messages.size();
                each.messages.clear();
            }
            changed_.notify_one();
        };
        options.on_fatal = [](const std::string& line) { fmt::print("{}\n", line); };
        store_ = SqliteStore::open(std::move(options));
    }

    std::vector<core::RecoveredState> recover() { return store_->recover(); }
    void start() { store_->start(); }

    core::StoreTicket submit(core::StoreBatch batch) {
        store_->port(0).submit(++ticket_, std::move(batch));
        return ticket_;
    }
    void wait(core::StoreTicket ticket) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return durable_ >= ticket; });
    }
    void load(std::vector<core::MessageId> ids) {
        const std::size_t size = ids.size();
        loaded_ = 0;
        store_->port(0).load({0, 1, std::move(ids)});
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return loaded_ == size; });
    }

    // Messages first, first + 1, ... for one session each in turn.
    static core::StoreBatch messages(core::MessageId first, std::size_t count) {
        const std::string payload(64, 'x');
        core::StoreBatch batch;
        batch.is_urgent = true;
        batch.records.reserve(count);
        for (core::MessageId id = first; id < first + count; ++id) {
            const std::string topic = fmt::format("device/{:06}/state", id % 100'000);
            core::MessageParts parts;
            parts.topic = topic;
            parts.payload = protocol::as_bytes(payload);
            parts.qos = protocol::QoS::at_least_once;
            core::MessagePut put;
            put.id = id;
            put.message = core::Message::make(parts);
            put.targets.push_back({1 + id % session_count, 1});
            batch.records.emplace_back(std::move(put));
        }
        return batch;
    }
    void fill(std::size_t count) {
        core::StoreTicket last = 0;
        for (core::MessageId id = 1; id <= count; id += 10'000) {
            last = submit(messages(id, 10'000));
        }
        wait(last);
    }

    static constexpr const char* directory = "bench-store-data";

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    core::StoreTicket ticket_ = 0;
    core::StoreTicket durable_ = 0;
    std::size_t loaded_ = 0;
    std::unique_ptr<SqliteStore> store_;
};

double cpu_us() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto us = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return us(usage.ru_utime) + us(usage.ru_stime);
}

void tell(benchmark::State& state, double used_us, std::size_t count) {
    state.counters["cpu_us_each"] = used_us / static_cast<double>(count);
    state.SetItemsProcessed(static_cast<std::int64_t>(count));
}

void store_enqueue(benchmark::State& state) {
    BenchStore store(true);
    store.start();
    core::MessageId next = 1;
    double used = 0;
    for (auto _ : state) {
        state.PauseTiming();
        core::StoreBatch batch = BenchStore::messages(next, group_size);
        next += group_size;
        state.ResumeTiming();
        const double before = cpu_us();
        store.wait(store.submit(std::move(batch)));
        used += cpu_us() - before;
    }
    tell(state, used, next - 1);
}
BENCHMARK(store_enqueue)->Iterations(2000)->UseRealTime()->Unit(benchmark::kMicrosecond);

// Each group's messages are done with in the next group.
void store_enqueue_and_finish(benchmark::State& state) {
    BenchStore store(true);
    store.start();
    core::MessageId next = 1;
    double used = 0;
    for (auto _ : state) {
        state.PauseTiming();
        core::StoreBatch batch = BenchStore::messages(next, group_size);
        for (core::MessageId id = next - group_size; next > group_size && id < next; ++id) {
            batch.records.emplace_back(core::MessageDone{id});
        }
        next += group_size;
        state.ResumeTiming();
        const double before = cpu_us();
        store.wait(store.submit(std::move(batch)));
        used += cpu_us() - before;
    }
    tell(state, used, next - 1);
}
BENCHMARK(store_enqueue_and_finish)->Iterations(2000)->UseRealTime()->Unit(benchmark::kMicrosecond);

// A queue of its own (dense ids), or one of `session_count` that were filled together.
void store_load(benchmark::State& state) {
    constexpr std::size_t count = 400'000;
    constexpr std::size_t page = 1000;
    const auto step = static_cast<core::MessageId>(state.range(0));
    BenchStore store(true);
    store.start();
    store.fill(count);
    core::MessageId next = 1;
    double used = 0;
    std::size_t loaded = 0;
    for (auto _ : state) {
        std::vector<core::MessageId> ids;
        for (std::size_t i = 0; i < page; ++i, next += step) {
            if (next > count) {
                next = next % count + 2;
            }
            ids.push_back(next);
        }
        std::sort(ids.begin(), ids.end());
        const double before = cpu_us();
        store.load(std::move(ids));
        used += cpu_us() - before;
        loaded += page;
    }
    tell(state, used, loaded);
}
BENCHMARK(store_load)
    ->Arg(1)
    ->Arg(session_count)
    ->Iterations(300)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

void store_finish(benchmark::State& state) {
    constexpr std::size_t page = 1000;
    const auto pages = static_cast<std::size_t>(state.max_iterations);
    BenchStore store(true);
    store.start();
    store.fill(pages * page);
    core::MessageId next = 1;
    double used = 0;
    for (auto _ : state) {
        core::StoreBatch batch;
        batch.is_urgent = true;
        for (std::size_t i = 0; i < page; ++i) {
            batch.records.emplace_back(core::MessageDone{next++});
        }
        const double before = cpu_us();
        store.wait(store.submit(std::move(batch)));
        used += cpu_us() - before;
    }
    tell(state, used, pages * page);
}
BENCHMARK(store_finish)->Iterations(300)->UseRealTime()->Unit(benchmark::kMicrosecond);

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    statm >> total >> resident;
    return resident * 4096;
}

// A million messages of 200 sessions and a million retained ones.
void store_recover(benchmark::State& state) {
    constexpr std::size_t count = 1'000'000;
    {
        BenchStore store(true);
        store.start();
        core::StoreBatch batch;
        batch.is_urgent = true;
        for (core::SessionId id = 1; id <= session_count; ++id) {
            batch.records.emplace_back(
                core::SessionPut{id, {}, fmt::format("client-{}", id), 3600, core::Instant{}});
        }
        store.submit(std::move(batch));
        store.fill(count);
        for (core::RetainedId id = 1; id <= count; id += 10'000) {
            core::StoreBatch retained = BenchStore::messages(id, 10'000);
            for (core::StoreRecord& record : retained.records) {
                auto& put = std::get<core::MessagePut>(record);
                record = core::RetainedPut{put.id, put.message};
            }
            store.wait(store.submit(std::move(retained)));
        }
    }
    for (auto _ : state) {
        const std::size_t before = resident_bytes();
        BenchStore store(false);
        const std::vector<core::RecoveredState> states = store.recover();
        state.counters["resident_MiB"] =
            static_cast<double>(resident_bytes() - before) / (1024 * 1024);
        if (states[0].retained.size() != count || states[0].sessions[0].queue.size() != 5000) {
            state.SkipWithError("not everything came back");
        }
    }
    std::filesystem::remove_all(BenchStore::directory);
}
BENCHMARK(store_recover)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace martlet::store
