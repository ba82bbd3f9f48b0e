// What a shard does once something is durable: see store_news.cpp, publication_parts.cpp and
// store_records.cpp.
// Ownership: values. Threading: their shard's thread only.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/packet_id.hpp"
#include "server/core/ids.hpp"
#include "server/core/store.hpp"

namespace martlet::core {

// A message in the inflight window that may not be sent yet.
struct Held {
    SessionSlot slot = no_session;
    SessionId session = 0;
    protocol::PacketId packet_id{};
    StoreTicket ticket = 0;
    PublicationKey part_of;
};

// A publication of this shard with parts on others.
struct Completion {
    std::uint64_t sequence = 0;
    std::uint64_t answer = 0;  // number of the PUBREC
    SessionSlot slot = no_session;
    SessionId session = 0;
    protocol::PacketId packet_id{};
    StoreTicket ticket = 0;
};

// A message here that is a part.
struct Part {
    MessageId stored = 0;
    PublicationKey of;
};

// The end of a stored session that is not durable yet.
struct Ending {
    StoreTicket ticket = 0;
    std::string client_id;
};

}  // namespace martlet::core
