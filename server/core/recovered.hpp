// What a store gives back at the start: the state that the last run left, for one shard.
// Ownership: values; messages are shared. Threading: handed over before the shard runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/packet/subscribe.hpp"
#include "server/core/store.hpp"

namespace martlet::core {

struct RecoveredSubscription {
    std::string filter;
    protocol::SubscriptionOptions options;
    std::uint32_t identifier = 0;
};

// A message that waits for a session; it stays in the store until its turn comes.
struct RecoveredDelivery {
    MessageId message = 0;
    std::uint32_t terms = 0;  // as in MessageTarget
    std::uint32_t size = 0;   // Message::memory_size()
};

// Had been sent, or was about to be, under this identifier.
struct RecoveredInflight {
    RecoveredDelivery delivery;  // message 0 if released
    protocol::PacketId packet_id{};
    bool is_released = false;
};

struct RecoveredSession {
    SessionId id = 0;
    Identity owner;
    std::string client_id;
    std::uint32_t expiry_interval_s = 0;
    Instant disconnected_at = never;  // `never`: it was connected to the last
    std::vector<RecoveredSubscription> subscriptions;
    std::optional<WillPut> will;
    std::vector<protocol::PacketId> incoming_qos2;
    std::vector<RecoveredInflight> window;   // oldest first
    std::vector<RecoveredDelivery> queue;    // ascending; all later than the window's
    std::vector<std::uint32_t> identifiers;  // of those with extras: the window's, then the queue's
    MessageId taken_through = 0;
};

struct RecoveredRetained {
    RetainedId id = 0;
    MessageRef message;
};

struct RecoveredState {
    // The last run may have lived until then, but no longer: when the connections of sessions that
    // were connected ended.
    Instant ended_at = never;
    std::vector<RecoveredSession> sessions;
    std::vector<RecoveredRetained> retained;
    // New ids are to be greater than these. Of messages it is the greatest of all rows and of all
    // WindowPut::taken_through: there may have been messages that never became durable.
    SessionId session_id_max = 0;
    MessageId message_id_max = 0;
    RetainedId retained_id_max = 0;
};

}  // namespace martlet::core
