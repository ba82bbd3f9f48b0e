// Threads for what would keep a shard busy too long: hashing passwords.
//
// Bounded: what does not fit into the queue is turned away at once, so that a storm of logins costs
// those who cause it and no memory. The threads begin with the first work.
// Ownership: joins its threads; work that has not begun by stop() is dropped. Threading: shared,
// internally synchronised; stop() is the owner's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace martlet::security {

class WorkerPool {
public:
    using Work = std::function<void()>;

    WorkerPool(std::size_t threads, std::size_t queued_max);
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    ~WorkerPool();

    // False: the queue is full, or the pool has stopped.
    [[nodiscard]] bool try_submit(Work work);
    void stop();

private:
    bool try_add_thread();
    void run();

    const std::size_t threads_max_;
    const std::size_t queued_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Work> queue_;
    std::size_t idle_ = 0;
    bool is_stopped_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace martlet::security
