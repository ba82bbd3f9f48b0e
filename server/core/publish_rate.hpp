// How fast one client may publish: messages and bytes a second, as two token buckets that hold a
// second's worth each.
//
// Nothing is refused: a client over its rate is not read until it is within it again, so a burst
// becomes slow and TCP tells the client.
// Ownership: of its connection, if there is a limit at all. Threading: its shard's thread only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "server/core/limits.hpp"
#include "server/core/time.hpp"
#include "server/core/timer_wheel.hpp"

namespace martlet::core {

class TokenBucket {
public:
    // Takes what was used, whether it was there or not. Until when nothing more may be used.
    Instant take(std::uint64_t amount, std::uint64_t rate, Instant now) {
        if (rate == 0) {
            return now;
        }
        // In time instead of tokens: when the bucket will be full again.
        full_at_ = std::max(full_at_, now) + cost(amount, rate);
        return std::max(now, full_at_ - std::chrono::seconds(1));
    }

private:
    static Duration cost(std::uint64_t amount, std::uint64_t rate) {
        const double seconds = static_cast<double>(amount) / static_cast<double>(rate);
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    }

    Instant full_at_{};
};

struct PublishRate {
    TokenBucket messages;
    TokenBucket bytes;
    bool is_over = false;
    Timer timer;  // armed while it is over

    Instant take(std::uint64_t packet_bytes, const Limits& limits, Instant now) {
        return std::max(messages.take(1, limits.publish_rate_max, now),
                        bytes.take(packet_bytes, limits.publish_bytes_rate_max, now));
    }
};

}  // namespace martlet::core
