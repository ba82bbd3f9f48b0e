// The steady clock, read as the core's time. The only clock of the transport.
// Threading: pure function.
#pragma once

#include <chrono>

#include "server/core/time.hpp"

namespace martlet::transport {

inline core::Instant read_clock() {
    return core::Instant(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace martlet::transport
