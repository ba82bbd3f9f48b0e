#include "server/core/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "tests/support/random.hpp"

namespace martlet::core {
namespace {

using namespace std::chrono_literals;

constexpr Instant start = Instant{} + 1h + 7ns;

std::vector<std::uint32_t> fired_by(TimerWheel& wheel, Instant now) {
    std::vector<std::uint32_t> fired;
    wheel.advance(now, [&](TimerKey key) { fired.push_back(key.id); });
    return fired;
}

TEST_CASE("a timer fires once its deadline has passed and only once") {
    TimerWheel wheel(start);
    Timer timer;
    wheel.schedule(timer, {3, 42}, start + 1s);
    CHECK(timer.is_armed());
    CHECK(timer.deadline() == start + 1s);
    CHECK(wheel.size() == 1);
    CHECK(fired_by(wheel, start + 1s - 1ns).empty());
    wheel.advance(start + 1s, [&](TimerKey key) {
        CHECK(key == TimerKey{3, 42});
        CHECK_FALSE(timer.is_armed());
    });
    CHECK(wheel.size() == 0);
    CHECK(fired_by(wheel, start + 1h).empty());
}

TEST_CASE("a deadline between two ticks is never early and less than a tick late") {
    TimerWheel wheel(start);
    Timer timer;
    wheel.schedule(timer, {0, 1}, start + 1s + 1ns);
    CHECK(fired_by(wheel, start + 1s + TimerWheel::tick - 1ns).empty());
    CHECK(fired_by(wheel, start + 1s + TimerWheel::tick).size() == 1);
}

TEST_CASE("a cancelled timer does not fire and a timer armed anew fires for its last deadline") {
    TimerWheel wheel(start);
    Timer cancelled;
    Timer moved;
    wheel.schedule(cancelled, {0, 1}, start + 1s);
    wheel.schedule(moved, {0, 2}, start + 1s);
    wheel.schedule(moved, {0, 3}, start + 10min);
    wheel.cancel(cancelled);
    wheel.cancel(cancelled);
    CHECK(fired_by(wheel, start + 10min - 1ns).empty());
    CHECK(fired_by(wheel, start + 10min) == std::vector<std::uint32_t>{3});
}

TEST_CASE("advancing only at the next deadline is enough and wakes at most once a level") {
    for (const Duration delay : {Duration(1ns), Duration(3s), Duration(90s), Duration(26h)}) {
        CAPTURE(delay.count());
        TimerWheel wheel(start);
        CHECK(wheel.next_deadline() == never);
        Timer timer;
        wheel.schedule(timer, {0, 1}, start + delay);
        int wakes = 0;
        while (timer.is_armed()) {
            const Instant wake = wheel.next_deadline();
            REQUIRE(wake < start + delay + TimerWheel::tick);
            const bool has_fired = !fired_by(wheel, wake).empty();
            REQUIRE(has_fired == !timer.is_armed());
            REQUIRE(++wakes <= 7);
        }
        CHECK(wheel.next_deadline() == never);
    }
}

TEST_CASE("timers fire from now to the longest delay of the protocol and beyond") {
    std::array<Timer, 5> timers;
    TimerWheel wheel(start);
    constexpr Duration years = 140 * 8766h;
    wheel.schedule(timers[0], {0, 0}, start - 1min);
    wheel.schedule(timers[1], {0, 1}, start);
    wheel.schedule(timers[2], {0, 2}, start + 0xFFFFFFFFLL * 1s);
    wheel.schedule(timers[3], {0, 3}, start + years);
    wheel.schedule(timers[4], {0, 4}, never);
    CHECK(fired_by(wheel, start + TimerWheel::tick).size() == 2);
    CHECK(fired_by(wheel, start + 0xFFFFFFFFLL * 1s - 1ns).empty());
    CHECK(fired_by(wheel, start + 0xFFFFFFFFLL * 1s) == std::vector<std::uint32_t>{2});
    CHECK(fired_by(wheel, start + years) == std::vector<std::uint32_t>{3});
    CHECK(timers[4].is_armed());
    CHECK(wheel.size() == 1);
}

TEST_CASE("time that goes backwards is ignored") {
    TimerWheel wheel(start);
    Timer timer;
    CHECK(fired_by(wheel, start + 10s).empty());
    CHECK(fired_by(wheel, start).empty());
    wheel.schedule(timer, {0, 1}, start + 5s);
    CHECK(fired_by(wheel, start + 5s).empty());
    CHECK(fired_by(wheel, start + 10s + TimerWheel::tick).size() == 1);
}

TEST_CASE("a callback may arm its own timer and cancel others that are due") {
    TimerWheel wheel(start);
    Timer own;
    Timer other;
    Timer third;
    wheel.schedule(own, {0, 1}, start + 1s);
    wheel.schedule(other, {0, 2}, start + 2s);
    int fired = 0;
    wheel.advance(start + 1min, [&](TimerKey key) {
        CHECK(key.id == 1);
        ++fired;
        wheel.cancel(other);
        wheel.schedule(own, {0, 1}, start);          // has passed: not within this advance()
        wheel.schedule(third, {0, 3}, start + 30s);  // nor this
    });
    CHECK(fired == 1);
    CHECK(wheel.size() == 2);
    CHECK(fired_by(wheel, start + 1min + TimerWheel::tick).size() == 2);
}

TEST_CASE("a wheel that is destroyed unarms its timers") {
    Timer timer;
    {
        TimerWheel wheel(start);
        wheel.schedule(timer, {0, 1}, start + 1s);
    }
    CHECK_FALSE(timer.is_armed());
}

// The model: every armed timer with its deadline. After each advance exactly those must have fired
// whose deadline, rounded up to a tick, has come.
class WheelModel {
public:
    explicit WheelModel(testing::Random& random) : random_(random), timers_(200) {}

    void change_one() {
        const auto id = static_cast<std::uint32_t>(random_.below(timers_.size()));
        if (random_.chance(4)) {
            wheel_.cancel(timers_[id]);
            due_.erase(id);
            return;
        }
        const unsigned bits = static_cast<unsigned>(random_.below(62));
        const Duration delay(random_.below(std::uint64_t{1} << bits));
        const Instant deadline = delay > never - now_ ? never : now_ + delay - 1s;
        wheel_.schedule(timers_[id], {static_cast<std::uint8_t>(id), id}, deadline);
        due_[id] = std::max(round_up(deadline), round_up(now_ + 1ns));
    }

    void advance(Instant now) {
        const Instant before = now_;
        now_ = now;
        Instant last{};
        wheel_.advance(now, [&](TimerKey key) {
            REQUIRE(key.kind == static_cast<std::uint8_t>(key.id));
            REQUIRE(due_.contains(key.id));
            REQUIRE(due_[key.id] <= now);
            REQUIRE(due_[key.id] > before);
            REQUIRE(due_[key.id] >= last);
            last = due_[key.id];
            due_.erase(key.id);
            while (random_.chance(2)) {
                change_one();
            }
        });
        for (const auto& [id, due] : due_) {
            REQUIRE(due > now);
        }
        REQUIRE(wheel_.size() == due_.size());
        const Instant next = wheel_.next_deadline();
        REQUIRE((next == never) == due_.empty());
        for (const auto& [id, due] : due_) {
            REQUIRE(next <= due);
        }
    }

    Instant now() const { return now_; }
    Instant next_deadline() const { return wheel_.next_deadline(); }

private:
    static Instant round_up(Instant instant) {
        const auto ticks = (std::max(instant, start) - start) / TimerWheel::tick;
        const Instant tick = start + ticks * TimerWheel::tick;
        return tick < instant ? tick + TimerWheel::tick : tick;
    }

    testing::Random& random_;
    std::vector<Timer> timers_;
    TimerWheel wheel_{start};
    std::map<std::uint32_t, Instant> due_;
    Instant now_ = start;
};

TEST_CASE("the wheel fires what a sorted list would under random use") {
    MARTLET_SEEDED(random);
    for (int round = 0; round < 100; ++round) {
        WheelModel model(random);
        for (int step = 0; step < 300 && model.now() < never - 10 * 8766h; ++step) {
            for (std::uint64_t changes = random.below(5); changes > 0; --changes) {
                model.change_one();
            }
            if (random.chance(3) && model.next_deadline() != never) {
                model.advance(std::max(model.now(), model.next_deadline()));
            } else {
                const unsigned bits = static_cast<unsigned>(random.below(round % 2 == 0 ? 34 : 57));
                model.advance(model.now() + Duration(random.below(std::uint64_t{1} << bits)));
            }
        }
    }
}

}  // namespace
}  // namespace martlet::core
