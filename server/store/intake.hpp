// Where shards leave what they have for the store's thread, which takes all of it at a time.
//
// The thread is woken only when there is a reason: somebody waits for a batch, messages are wanted
// back, or what nobody waits for has lain long enough or is too much. While the thread is at work
// nothing wakes it; it looks by itself when it is done.
// Threading: shared, internally synchronised: put() and close() on any thread, take() on one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <variant>
#include <vector>

#include "server/core/store.hpp"

namespace martlet::store {

struct Submission {
    core::ShardIndex shard = 0;
    core::StoreTicket ticket = 0;
    core::StoreBatch batch;
};
struct Request {
    core::ShardIndex shard = 0;
    core::LoadRequest load;
};
using IntakeItem = std::variant<Submission, Request>;

struct IntakeOptions {
    std::chrono::milliseconds commit_delay{0};
    std::chrono::milliseconds lazy_delay{200};
    std::size_t lazy_records_max = 10'000;
};

class Intake {
public:
    using Clock = std::chrono::steady_clock;

    struct Taken {
        std::vector<IntakeItem> items;
        bool is_commit_due = false;
        bool is_closed = false;
    };

    explicit Intake(IntakeOptions options) : options_(options) {}

    void put(Submission submission);
    void put(Request request);
    // Waits for a reason, or until `until`. With `ignores_batches` they are no reason.
    Taken take(Clock::time_point until, bool ignores_batches);
    // take() returns at once from now on.
    void close();
    // What is put from now on is dropped.
    void refuse_all();

private:
    bool has_reason(bool ignores_batches) const;
    void wake(std::unique_lock<std::mutex>& lock);

    const IntakeOptions options_;
    std::mutex mutex_;
    std::condition_variable wakes_;
    std::vector<IntakeItem> items_;
    std::size_t record_count_ = 0;  // taken but not committed ones too
    Clock::time_point commit_due_ = Clock::time_point::max();
    bool has_requests_ = false;
    bool is_commit_wanted_ = false;
    bool is_asleep_ = false;
    bool is_closed_ = false;
    bool drops_all_ = false;
};

}  // namespace martlet::store
