// What one shard's transport has counted since it started. Plain integers, copied to whoever asks.
// Threading: its shard's thread only; copies are immutable.
#pragma once

#include <cstdint>

namespace martlet::transport {

struct TransportCounters {
    std::uint64_t accepted = 0;
    std::uint64_t handed_over = 0;             // to their home shard, after CONNECT
    std::uint64_t refused_too_many = 0;        // max_connections
    std::uint64_t accept_failures = 0;         // no file descriptor and the like
    std::uint64_t crowded_out = 0;             // too many without a CONNECT
    std::uint64_t connect_timeouts = 0;        // no CONNECT in time
    std::uint64_t closed_before_connect = 0;   // by the peer
    std::uint64_t handshake_failures = 0;      // TLS
    std::uint64_t certificates_refused = 0;    // of those, for the client's certificate
    std::uint64_t certificates_withdrawn = 0;  // connections ended since a reload no longer trusts
    std::uint64_t refused_upgrades = 0;        // to WebSocket
    std::uint64_t refused_proxy_headers = 0;   // missing, or not to be believed
    std::uint64_t publishers_held = 0;         // times another shard's mailbox was full
    std::uint64_t passes = 0;
    // Right now.
    std::uint64_t awaiting_connect = 0;
};

}  // namespace martlet::transport
