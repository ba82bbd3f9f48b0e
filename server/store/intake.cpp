#include "server/store/intake.hpp"

#include <algorithm>
#include <utility>

namespace martlet::store {

void Intake::put(Submission submission) {
    std::unique_lock lock(mutex_);
    if (drops_all_) {
        return;
    }
    record_count_ += submission.batch.records.size();
    const bool is_hurried = submission.batch.is_urgent && options_.commit_delay.count() == 0;
    is_commit_wanted_ =
        is_commit_wanted_ || is_hurried || record_count_ >= options_.lazy_records_max;
    bool has_new_deadline = false;
    if (!is_commit_wanted_ &&
        (submission.batch.is_urgent || commit_due_ == Clock::time_point::max())) {
        const auto delay = submission.batch.is_urgent ? options_.commit_delay : options_.lazy_delay;
        const Clock::time_point due = Clock::now() + delay;
        has_new_deadline = due < commit_due_;
        commit_due_ = std::min(commit_due_, due);
    }
    items_.emplace_back(std::move(submission));
    if (is_commit_wanted_ || has_new_deadline) {
        wake(lock);
    }
}

void Intake::put(Request request) {
    std::unique_lock lock(mutex_);
    if (drops_all_) {
        return;
    }
    items_.emplace_back(std::move(request));
    has_requests_ = true;
    wake(lock);
}

void Intake::wake(std::unique_lock<std::mutex>& lock) {
    if (std::exchange(is_asleep_, false)) {
        lock.unlock();
        wakes_.notify_one();
    }
}

bool Intake::has_reason(bool ignores_batches) const {
    return has_requests_ || is_closed_ || (is_commit_wanted_ && !ignores_batches);
}

Intake::Taken Intake::take(Clock::time_point until, bool ignores_batches) {
    std::unique_lock lock(mutex_);
    Clock::time_point now = Clock::now();
    while (!has_reason(ignores_batches)) {
        const Clock::time_point due = ignores_batches ? until : std::min(until, commit_due_);
        if (now >= due) {
            break;
        }
        is_asleep_ = true;
        if (due == Clock::time_point::max()) {
            wakes_.wait(lock);
        } else {
            wakes_.wait_until(lock, due);
        }
        is_asleep_ = false;
        now = Clock::now();
    }
    Taken taken;
    taken.items.swap(items_);
    taken.is_closed = is_closed_;
    taken.is_commit_due = is_commit_wanted_ || is_closed_ || now >= commit_due_;
    has_requests_ = false;
    if (taken.is_commit_due) {
        is_commit_wanted_ = false;
        record_count_ = 0;
        commit_due_ = Clock::time_point::max();
    }
    return taken;
}

void Intake::close() {
    std::unique_lock lock(mutex_);
    is_closed_ = true;
    wake(lock);
}

void Intake::refuse_all() {
    std::unique_lock lock(mutex_);
    drops_all_ = true;
    items_.clear();
}

}  // namespace martlet::store
