// Lets the first event of a burst through and counts the rest, so that a flood makes one log line.
// Threading: its shard's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "server/core/time.hpp"

namespace martlet::transport {

class BurstGate {
public:
    // To be called for each event. A value when this one is to be logged: how many were not since.
    std::optional<std::uint64_t> admit(core::Instant now) {
        const bool quiet = last_logged_ == core::never || now - last_logged_ >= interval;
        if (!quiet) {
            ++held_back_;
            return std::nullopt;
        }
        last_logged_ = now;
        return std::exchange(held_back_, 0);
    }

private:
    static constexpr core::Duration interval = std::chrono::seconds(10);

    core::Instant last_logged_ = core::never;
    std::uint64_t held_back_ = 0;
};

}  // namespace martlet::transport
