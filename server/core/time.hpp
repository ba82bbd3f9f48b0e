// Time as a value. The core has no clock: `now` comes in with every event.
// Threading: immutable.
#pragma once

#include <chrono>
#include <cstdint>

namespace martlet::core {

// A clock without now(): the driver's steady clock in production, the simulator's own in tests.
struct BrokerClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BrokerClock>;
    static constexpr bool is_steady = true;
};

using Instant = BrokerClock::time_point;
using Duration = BrokerClock::duration;

inline constexpr Instant never = Instant::max();

}  // namespace martlet::core
