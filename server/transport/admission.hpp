// How many connections there are, on a listener and in all, and whether one more may come in.
//
// Lifetime: outlives every connection. Threading: shared, internally synchronised: connections come
// in on one shard and end on any. Each connection carries a ticket that gives its place back.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>
#include <utility>

namespace martlet::transport {

class AdmissionTicket;

class Admission {
public:
    // `whole`, if any, is the admission this one is a part of.
    explicit Admission(Admission* whole) : whole_(whole) {}

    void set_limit(std::size_t limit) { limit_.store(limit, std::memory_order_relaxed); }
    std::size_t count() const { return count_.load(std::memory_order_relaxed); }
    // An empty ticket when there is no room.
    AdmissionTicket admit();

private:
    friend class AdmissionTicket;

    bool enter();
    void leave();

    Admission* whole_;
    std::atomic<std::size_t> count_{0};
    std::atomic<std::size_t> limit_{std::numeric_limits<std::size_t>::max()};
};

class AdmissionTicket {
public:
    AdmissionTicket() = default;
    AdmissionTicket(AdmissionTicket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)) {}
    AdmissionTicket& operator=(AdmissionTicket&& other) noexcept {
        std::swap(admission_, other.admission_);
        return *this;
    }
    ~AdmissionTicket() {
        if (admission_ != nullptr) {
            admission_->leave();
        }
    }
    explicit operator bool() const { return admission_ != nullptr; }

private:
    friend class Admission;
    explicit AdmissionTicket(Admission* admission) : admission_(admission) {}

    Admission* admission_ = nullptr;
};

inline bool Admission::enter() {
    if (whole_ != nullptr && !whole_->enter()) {
        return false;
    }
    if (count_.fetch_add(1, std::memory_order_relaxed) >= limit_.load(std::memory_order_relaxed)) {
        leave();
        return false;
    }
    return true;
}

inline void Admission::leave() {
    count_.fetch_sub(1, std::memory_order_relaxed);
    if (whole_ != nullptr) {
        whole_->leave();
    }
}

inline AdmissionTicket Admission::admit() {
    return enter() ? AdmissionTicket(this) : AdmissionTicket();
}

}  // namespace martlet::transport
