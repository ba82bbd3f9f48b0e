// A Session: what the broker remembers about a client across Network Connections [v5 section 4.1].
//
// Ownership: held by its shard's SessionTable; named by slot, and by `id`, which is never reused.
// Threading: its shard's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/packet/subscribe.hpp"
#include "server/core/access_control.hpp"
#include "server/core/delivery.hpp"
#include "server/core/ids.hpp"
#include "server/core/inflight_out.hpp"
#include "server/core/packet_id_set.hpp"
#include "server/core/ring_queue.hpp"
#include "server/core/shard_link.hpp"
#include "server/core/subscription_tree.hpp"
#include "server/core/timer_wheel.hpp"

namespace martlet::core {

// One subscription from the session's side; the tree holds the other side (Subscriber), and each
// knows the other's place, so either is removed in constant time.
struct SubscriptionRecord {
    FilterKey key = 0;           // in the shard's subscription tree
    std::uint32_t position = 0;  // in subscribers(key)
};

// A shared subscription; the group lives on the shard of its filter.
struct SharedSubscriptionRecord {
    std::string group;
    std::string filter;
    std::uint32_t packed = 0;
};

// What a delivery carries beyond DeliveryTerms' 28 bits.
struct DeliveryExtras {
    std::vector<std::uint32_t> identifiers;  // several overlapping subscriptions [v5 MQTT-3.3.4-3]
    GroupAddress group;                      // key 0: not from a shared subscription
};

struct KeyedExtras {
    std::unordered_map<std::uint32_t, DeliveryExtras> by_key;
    std::uint32_t next_key = 0;
};

struct Will {
    MessageRef message;  // origin and expiry are set anew when it is published
    std::uint32_t delay_interval_s = 0;
    std::uint32_t message_expiry_interval_s = 0;
    bool has_message_expiry = false;
};

struct Session {
    static constexpr std::uint32_t expires_never = 0xFFFFFFFF;

    SessionId id = 0;
    SessionSlot slot = no_session;
    std::string client_id;
    Identity owner;
    ConnectionId connection;              // none while the client is away
    std::uint32_t expiry_interval_s = 0;  // after the connection ends; 0 ends with it
    bool in_store = false;                // what belongs to it is recorded in the store
    bool drop_logged = false;             // the present run of drops has been logged
    std::uint32_t rights_epoch = 0;       // the shard's: what its filters match it may read

    std::vector<SubscriptionRecord> subscriptions;
    std::vector<SharedSubscriptionRecord> shared_subscriptions;

    InflightWindow inflight;
    std::uint32_t inflight_unsent = 0;  // entries to be sent again on this connection
    std::uint32_t inflight_held = 0;    // entries that wait for the store before they are sent
    RingQueue<Delivery> queue;
    std::uint64_t queued_bytes = 0;
    std::uint32_t queued_qos0 = 0;  // of those in the queue
    PacketIdSet incoming_qos2;      // PUBLISH received, PUBREL not yet

    // What a CONNACK has to wait for: the last that the store was told of the session itself or its
    // will, by this connection or an earlier one.
    StoreTicket stored_by = 0;
    MessageId taken_through = 0;   // stored messages up to this one have left the queue
    bool is_window_dirty = false;  // the store's picture of inflight and taken_through is old
    bool is_loading = false;       // messages of its queue are on their way from the store

    std::unique_ptr<KeyedExtras> extras;  // with the first delivery that has any
    std::uint32_t retained_streams = 0;   // of this session, still under way

    std::unique_ptr<Will> will;
    Timer timer;       // session expiry while away, the end of its rights while connected
    Timer will_timer;  // Will Delay Interval

    // Scratch of one routing pass: where in the list of matches this session stands.
    std::uint64_t match_pass = 0;
    std::uint32_t match_index = 0;

    bool is_connected() const { return static_cast<bool>(connection); }
    // Survives its connection.
    bool is_persistent() const { return expiry_interval_s != 0; }
};

}  // namespace martlet::core
