// Translates between the broker's clock, which begins anew with each run, and the wall clock (ms of
// Unix time), which is what can be kept on disk.
//
// The two are tied together once, at the start; a wall clock that jumps later moves no deadline.
// Threading: immutable.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "server/core/time.hpp"

namespace martlet::store {

class WallClock {
public:
    WallClock() = default;
    // At `base` the wall clock showed `wall_ms`.
    WallClock(core::Instant base, std::int64_t wall_ms) : base_(base), wall_ms_(wall_ms) {}

    std::optional<std::int64_t> to_wall(core::Instant instant) const {
        if (instant == core::never) {
            return std::nullopt;
        }
        return wall_ms_ + std::chrono::floor<std::chrono::milliseconds>(instant - base_).count();
    }

    // Clamped to what an Instant can say: disks are not trusted.
    core::Instant to_instant(std::optional<std::int64_t> wall_ms) const {
        if (!wall_ms) {
            return core::never;
        }
        constexpr std::int64_t farthest_ms = 100LL * 365 * 24 * 3600 * 1000;
        const std::int64_t known =
            std::clamp(*wall_ms, wall_ms_ - farthest_ms, wall_ms_ + farthest_ms);
        return base_ + std::chrono::milliseconds(known - wall_ms_);
    }

    std::int64_t wall_ms_at_base() const { return wall_ms_; }

private:
    core::Instant base_{};
    std::int64_t wall_ms_ = 0;
};

}  // namespace martlet::store
