// All timers of a shard: a hierarchical wheel that is advanced from outside.
//
// Seven levels of 64 slots; a tick is 50 ms, so the wheel spans 6,900 years and needs no overflow
// list. A timer lies on the level of the highest bit in which its tick differs from the current
// one; that makes every occupied slot lie ahead on its level, and the next event the first bit set
// on the lowest level that is not empty. Arming, re-arming and cancelling are O(1); a timer is
// moved down at most six times before it fires.
//
// A timer never fires before its deadline, and at most one tick after it (given that advance() is
// called then). Expired keys are reported in order of their ticks; the order within a tick is
// unspecified.
// Ownership: timers are embedded in what they belong to; the wheel only links them. What is armed
// when the wheel is destroyed is unarmed by it.
// Threading: its shard's thread only.
#pragma once

#include <array>

#include <cstddef>
#include <cstdint>

#include "protocol/assert.hpp"
#include "server/core/time.hpp"

namespace martlet::core {

// What a timer is for (`kind`, an enumeration of its user) and for whom (`id`).
struct TimerKey {
    std::uint8_t kind = 0;
    std::uint32_t id = 0;

    friend bool operator==(TimerKey, TimerKey) = default;
};

// Unarmed until scheduled. Does not move while armed; must be cancelled before it is destroyed.
class Timer {
public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { MARTLET_ASSERT(!is_armed()); }

    bool is_armed() const { return link_ != nullptr; }
    // The one it was last scheduled for, or the tick after that call if it had passed by then.
    Instant deadline() const { return deadline_; }
    TimerKey key() const { return {kind_, id_}; }

private:
    friend class TimerWheel;

    Timer* next_ = nullptr;
    Timer** link_ = nullptr;  // what points at this timer: a slot or another timer's next_
    Instant deadline_{};
    std::uint32_t id_ = 0;
    std::uint8_t kind_ = 0;
    std::uint8_t level_ = 0;  // where it lies while armed
    std::uint8_t slot_ = 0;
};

static_assert(sizeof(Timer) <= 40);

class TimerWheel {
public:
    static constexpr Duration tick = std::chrono::milliseconds(50);

    explicit TimerWheel(Instant start) : start_(start) { MARTLET_ASSERT(start >= Instant{}); }
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;
    ~TimerWheel();

    // Arms the timer, or arms it anew. A deadline that has passed fires at the next tick, never
    // within the advance() that is running.
    void schedule(Timer& timer, TimerKey key, Instant deadline);
    // Nothing happens if it is not armed.
    void cancel(Timer& timer);

    // Calls expired(TimerKey) for every timer that is due; the timer is unarmed by then, and the
    // callee may schedule and cancel any timer. Time that goes backwards is ignored.
    template <class F>
    void advance(Instant now, F&& expired) {
        begin_advance(now);
        while (Timer* timer = take_due()) {
            expired(timer->key());
        }
    }

    // When advance() has something to do: the earliest deadline rounded up to its tick, or less
    // where timers must first be moved down a level; `never` when no timer is armed.
    Instant next_deadline() const;
    std::size_t size() const { return size_; }

private:
    static constexpr unsigned level_bits = 6;
    static constexpr unsigned slots = 1U << level_bits;
    static constexpr unsigned levels = 7;

    struct Level {
        std::uint64_t occupied = 0;  // bit per slot
        std::array<Timer*, slots> slot{};
    };

    std::uint64_t tick_of(Instant instant) const;  // rounded down, saturating
    std::uint64_t due_tick(Instant deadline) const;
    void begin_advance(Instant now);
    Timer* take_due();
    std::uint64_t next_event(unsigned level) const;
    void insert(Timer& timer);
    void unlink(Timer& timer);
    void move_down(unsigned level, unsigned slot);

    Instant start_;
    std::uint64_t current_ = 0;  // everything up to this tick has fired, or is firing
    std::uint64_t target_ = 0;   // the tick that advance() goes to; current_ when it is not running
    std::size_t size_ = 0;
    std::array<Level, levels> levels_{};
};

}  // namespace martlet::core
