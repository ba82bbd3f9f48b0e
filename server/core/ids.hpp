// Names of things inside a broker: plain values, so that no pointer crosses the core's border.
// Threading: immutable.
#pragma once

#include <compare>
#include <cstdint>

namespace martlet::core {

// A shard's place among its peers, 0 .. shards-1.
using ShardIndex = std::uint16_t;

// A Network Connection on its shard. `generation` changes each time a slot is reused, so a stale id
// is found out. Generation 0 is never used: a default ConnectionId names no connection.
struct ConnectionId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;

    explicit operator bool() const { return generation != 0; }
    friend bool operator==(ConnectionId, ConnectionId) = default;
};

// A Session's place in its shard's table. Reused after the session ends.
using SessionSlot = std::uint32_t;
inline constexpr SessionSlot no_session = 0xFFFFFFFF;

}  // namespace martlet::core
