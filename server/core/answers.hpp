// Acknowledgements that may not go out yet: each waits until its store batch is durable and until
// the other shards have confirmed what they were sent.
//
// One FIFO a shard, so each client's acknowledgements leave in the order its packets arrived
// [v3.1.1 MQTT-4.6.0-2] [v3.1.1 MQTT-4.6.0-3]. While nothing can be stored, those that need no
// store overtake others, though not those of their own client (full_store.cpp).
// Threading: its shard's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/packet_id.hpp"
#include "protocol/packet_type.hpp"
#include "protocol/reason_code.hpp"
#include "server/core/ids.hpp"
#include "server/core/interest.hpp"
#include "server/core/store.hpp"

namespace martlet::core {

struct Answer {
    ConnectionId connection;
    protocol::PacketType type{};  // puback, pubrec, pubcomp, suback, unsuback or connack
    protocol::PacketId packet_id{};
    protocol::ReasonCode reason{};
    bool session_present = false;             // connack
    bool may_overtake = false;                // is not about what others before it have changed
    std::vector<protocol::ReasonCode> codes;  // suback, unsuback
    // What it waits for; 0 is nothing.
    static constexpr StoreTicket not_known = 0xFFFFFFFFFFFFFFFF;  // a ticket still to come
    StoreTicket ticket = 0;
    std::uint64_t sequence = 0;
    Interest::Shards sent_to = 0;  // the shards that confirm it
};

}  // namespace martlet::core
