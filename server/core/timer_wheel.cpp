#include "server/core/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "protocol/assert.hpp"

namespace martlet::core {

TimerWheel::~TimerWheel() {
    for (Level& level : levels_) {
        for (Timer* timer : level.slot) {
            while (timer != nullptr) {
                timer->link_ = nullptr;
                timer = std::exchange(timer->next_, nullptr);
            }
        }
    }
}

std::uint64_t TimerWheel::tick_of(Instant instant) const {
    return instant <= start_ ? 0 : static_cast<std::uint64_t>((instant - start_) / tick);
}

// Rounded up, so that the timer is never early.
std::uint64_t TimerWheel::due_tick(Instant deadline) const {
    const std::uint64_t due = tick_of(deadline);
    return start_ + static_cast<Duration::rep>(due) * tick < deadline ? due + 1 : due;
}

void TimerWheel::schedule(Timer& timer, TimerKey key, Instant deadline) {
    if (timer.is_armed()) {
        unlink(timer);
        --size_;
    }
    timer.kind_ = key.kind;
    timer.id_ = key.id;
    const Instant earliest = start_ + static_cast<Duration::rep>(target_ + 1) * tick;
    timer.deadline_ = due_tick(deadline) <= target_ ? earliest : deadline;
    insert(timer);
    ++size_;
}

void TimerWheel::cancel(Timer& timer) {
    if (timer.is_armed()) {
        unlink(timer);
        --size_;
    }
}

// The timer's tick must not lie behind the current one; if it is the current one, the timer goes to
// the slot that is being emptied.
void TimerWheel::insert(Timer& timer) {
    const std::uint64_t due = due_tick(timer.deadline_);
    MARTLET_ASSERT(due >= current_);
    const auto highest_difference =
        static_cast<unsigned>(std::bit_width((due ^ current_) | 1U)) - 1;
    const unsigned level_index = highest_difference / level_bits;
    const auto slot = static_cast<unsigned>(due >> (level_index * level_bits)) % slots;
    Level& level = levels_[level_index];
    timer.level_ = static_cast<std::uint8_t>(level_index);
    timer.slot_ = static_cast<std::uint8_t>(slot);
    timer.next_ = level.slot[slot];
    if (timer.next_ != nullptr) {
        timer.next_->link_ = &timer.next_;
    }
    timer.link_ = &level.slot[slot];
    level.slot[slot] = &timer;
    level.occupied |= std::uint64_t{1} << slot;
}

void TimerWheel::unlink(Timer& timer) {
    *timer.link_ = timer.next_;
    if (timer.next_ != nullptr) {
        timer.next_->link_ = timer.link_;
    }
    timer.next_ = nullptr;
    timer.link_ = nullptr;
    Level& level = levels_[timer.level_];
    if (level.slot[timer.slot_] == nullptr) {
        level.occupied &= ~(std::uint64_t{1} << timer.slot_);
    }
}

void TimerWheel::move_down(unsigned level, unsigned slot) {
    Timer* timer = std::exchange(levels_[level].slot[slot], nullptr);
    levels_[level].occupied &= ~(std::uint64_t{1} << slot);
    while (timer != nullptr) {
        Timer* next = timer->next_;
        insert(*timer);
        timer = next;
    }
}

// The tick at which the first occupied slot of a level begins. The slots of a level follow those of
// the levels below it, and all of them lie at or after the current one.
std::uint64_t TimerWheel::next_event(unsigned level) const {
    const auto slot = static_cast<std::uint64_t>(std::countr_zero(levels_[level].occupied));
    const unsigned shift = level * level_bits;
    const std::uint64_t round = current_ >> (shift + level_bits) << (shift + level_bits);
    return round | slot << shift;
}

void TimerWheel::begin_advance(Instant now) {
    target_ = std::max(tick_of(now), current_);
}

Timer* TimerWheel::take_due() {
    unsigned level = 0;
    while (level < levels) {
        if (levels_[level].occupied == 0) {
            ++level;
            continue;
        }
        const std::uint64_t event = next_event(level);
        if (event > target_) {
            break;
        }
        current_ = event;
        const auto slot = static_cast<unsigned>(std::countr_zero(levels_[level].occupied));
        if (level == 0) {
            Timer* timer = levels_[0].slot[slot];
            unlink(*timer);
            --size_;
            return timer;
        }
        move_down(level, slot);
        level = 0;
    }
    current_ = target_;
    return nullptr;
}

Instant TimerWheel::next_deadline() const {
    for (unsigned level = 0; level < levels; ++level) {
        if (levels_[level].occupied != 0) {
            return start_ + static_cast<Duration::rep>(next_event(level)) * tick;
        }
    }
    return never;
}

}  // namespace martlet::core
