#include "server/security/worker_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace martlet::security {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queued_max)
    : threads_max_(std::max<std::size_t>(threads, 1)), queued_max_(queued_max) {
}

WorkerPool::~WorkerPool() {
    stop();
}

bool WorkerPool::try_submit(Work work) {
    const std::lock_guard lock(mutex_);
    if (is_stopped_ || queue_.size() >= queued_max_) {
        return false;
    }
    if (idle_ <= queue_.size() && threads_.size() < threads_max_ && !try_add_thread() &&
        threads_.empty()) {
        return false;
    }
    queue_.push_back(std::move(work));
    changed_.notify_one();
    return true;
}

// The system may have no more of them; those that are there do the work then.
bool WorkerPool::try_add_thread() {
    try {
        threads_.emplace_back([this] { run(); });
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

void WorkerPool::stop() {
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(mutex_);
        is_stopped_ = true;
        queue_.clear();
        threads.swap(threads_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads) {
        thread.join();
    }
}

void WorkerPool::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        ++idle_;
        changed_.wait(lock, [this] { return is_stopped_ || !queue_.empty(); });
        --idle_;
        if (is_stopped_) {
            return;
        }
        Work work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work();
        work = nullptr;  // its secrets go outside the lock
        lock.lock();
    }
}

}  // namespace martlet::security
