// What a timer of the shard's wheel is for; TimerKey::id is a connection's or a session's slot.
// Threading: immutable.
#pragma once

#include <chrono>
#include <cstdint>

#include "server/core/time.hpp"

namespace martlet::core {

enum class TimerKind : std::uint8_t {
    keep_alive,
    lag,
    session_expiry,
    will_delay,
    refusal,
    exchange,
    rights_end,
    publish_rate,
};

// One and a half times the Keep Alive [v3.1.1 MQTT-3.1.2-24] [v5 MQTT-3.1.2-22].
constexpr Duration keep_alive_patience(std::uint16_t keep_alive_s) {
    return std::chrono::milliseconds(1500LL * keep_alive_s);
}

}  // namespace martlet::core
