// What one shard has counted since it started. Plain integers: the admin side sums copies of them.
// Threading: its shard's thread only; copies are immutable.
#pragma once

#include <cstdint>

namespace martlet::core {

struct Counters {
    // Traffic.
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t packets_received = 0;
    std::uint64_t packets_sent = 0;
    std::uint64_t publishes_received = 0;
    std::uint64_t publishes_sent = 0;
    std::uint64_t publish_bytes_received = 0;  // payload only
    std::uint64_t publish_bytes_sent = 0;

    // Messages that somebody was to get and did not, by reason. Nothing is dropped uncounted.
    std::uint64_t dropped_queue_full = 0;
    std::uint64_t dropped_slow_subscriber = 0;
    std::uint64_t dropped_too_large = 0;
    std::uint64_t dropped_expired = 0;
    std::uint64_t dropped_not_permitted = 0;
    std::uint64_t dropped_retained_full = 0;
    std::uint64_t dropped_session_ended = 0;
    std::uint64_t dropped_store_full = 0;  // refused because nothing more could be stored
    std::uint64_t dropped_unreadable = 0;  // stored, but the store could not read it back
    std::uint64_t dropped_memory_full = 0;

    std::uint64_t publishes_refused = 0;  // by access control, topic depth and the like
    std::uint64_t publishers_paused =
        0;  // times a connection was not read for its subscribers' sake
    std::uint64_t publishers_throttled = 0;  // times a client was over its publish rate
    std::uint64_t refused_memory_full = 0;   // of connects_refused
    std::uint64_t connects_accepted = 0;
    std::uint64_t connects_refused = 0;
    std::uint64_t protocol_errors = 0;
    std::uint64_t keep_alive_timeouts = 0;
    std::uint64_t sessions_taken_over = 0;
    std::uint64_t sessions_expired = 0;
    std::uint64_t rights_ended = 0;  // connections of clients that might not stay

    // Right now.
    std::uint64_t connections = 0;
    std::uint64_t sessions = 0;
    std::uint64_t subscriptions = 0;
    std::uint64_t shared_subscriptions = 0;
    std::uint64_t retained_messages = 0;
    std::uint64_t retained_bytes = 0;
    std::uint64_t queued_messages = 0;
    std::uint64_t queued_bytes = 0;
    std::uint64_t inflight_messages = 0;

    std::uint64_t dropped() const {
        return dropped_queue_full + dropped_slow_subscriber + dropped_too_large + dropped_expired +
               dropped_not_permitted + dropped_retained_full + dropped_session_ended +
               dropped_store_full + dropped_unreadable + dropped_memory_full;
    }
};

}  // namespace martlet::core
