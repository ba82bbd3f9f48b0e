// What a shard's transport is told from outside. Threading: immutable.
#pragma once

#include <chrono>
#include <cstddef>

#include "server/core/access_control.hpp"
#include "server/core/log_events.hpp"
#include "server/core/store.hpp"
#include "server/core/time.hpp"

namespace martlet::transport {

// What the core of one shard needs from the rest of the broker.
struct ShardPorts {
    core::Store* store = nullptr;
    core::AccessControl* access = nullptr;
    core::LogEvents* log = nullptr;
};

// The rules for connections whose CONNECT has not come yet.
struct ArrivalLimits {
    core::Duration connect_timeout = std::chrono::seconds(10);  // from accept to a whole CONNECT
    // On each shard. When so many wait, the next ones stay with the kernel until there is a place;
    // and then those go whose grace is over.
    std::size_t awaiting_connect_max = 1024;
    core::Duration grace = std::chrono::seconds(2);
};

}  // namespace martlet::transport
