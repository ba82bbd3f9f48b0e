// Every bound the core enforces, with its unit and default. Filled from the configuration.
// Threading: immutable once the shards run; a reload hands each shard a new copy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/qos.hpp"

namespace martlet::core {

// What a listener grants those who connect through it.
struct ListenerLimits {
    protocol::QoS qos_max = protocol::QoS::exactly_once;
    std::uint16_t topic_alias_max = 16;  // aliases a v5 client may set up
    // Aliases set up for a v5 client, as far as it permits any; each costs memory on its
    // connection.
    std::uint16_t sent_topic_aliases_max = 16;
    bool allow_zero_length_client_id = true;
    std::string client_id_prefix = "auto-";  // of identifiers that the broker assigns
};

// What goes when a session's queue is full. QoS 0, if it is queued at all, goes before either.
enum class QueueFullPolicy : std::uint8_t { drop_newest, drop_oldest };

struct Limits : ListenerLimits {
    // By ConnectionInfo::listener; one that is not here grants what the base says.
    std::vector<ListenerLimits> listeners;
    const ListenerLimits& of(std::uint16_t listener) const {
        return listener < listeners.size() ? listeners[listener] : *this;
    }

    // Bytes of one control packet from a connected client, fixed header included; and before its
    // CONNECT is accepted.
    std::uint32_t packet_size_max = 1024 * 1024;
    std::uint32_t packet_size_before_connect_max = 64 * 1024;
    // Payload of a PUBLISH; 0: bounded by the packet size alone.
    std::uint32_t payload_size_max = 0;

    // QoS>0 messages on their way to one client at a time (a v5 client may ask for fewer).
    std::uint16_t inflight_max = 20;
    // QoS>0 messages of one client that wait for their acknowledgement; beyond it the connection is
    // not read (and a v5 client has broken its word).
    std::uint16_t receive_maximum = 1024;

    // One session's queue of messages that are not in flight yet.
    std::uint32_t queued_messages_max = 100'000;
    std::uint64_t queued_bytes_max = 64ULL * 1024 * 1024;
    QueueFullPolicy queue_full_policy = QueueFullPolicy::drop_newest;
    // QoS 0 too is queued for a persistent session without a connection; in memory alone.
    bool queue_qos0 = false;

    // Of one client, a second; what comes faster is read later. 0: as fast as it can.
    std::uint32_t publish_rate_max = 0;
    std::uint64_t publish_bytes_rate_max = 0;

    // Bytes that may wait in one connection's outbox before QoS 0 publishers to it are slowed
    // down...
    std::size_t write_limit_bytes = 1024 * 1024;
    // ...for at most this long; after that its QoS 0 messages are dropped until it has caught up.
    std::chrono::milliseconds lag_grace{1000};

    std::uint32_t subscriptions_per_client_max = 100'000;
    std::uint32_t topic_levels_max = 128;

    // Refuse a v5 PUBLISH that says its payload is UTF-8 when it is not.
    bool validate_payload_format = false;

    // Per shard of the retained store: 0 is no limit.
    std::uint64_t retained_messages_max = 0;
    std::uint64_t retained_bytes_max = 0;
    bool retain_available = true;

    // 0: as the client asks. v5 clients are told; a 3.1.1 client that asks for more is refused.
    std::uint16_t keep_alive_max_s = 0;
    // How long a session without a connection lives at most; 0 is for ever.
    std::uint64_t session_expiry_max_s = 0;

    // Not bounds, but what v5 clients are told. Topics for responses begin with this, if a client
    // asks; empty: it is told nothing.
    std::string response_information_prefix;
    // Where clients are sent when this server shuts down; empty: nowhere.
    std::string server_reference;
};

// A connection has caught up once this much or less of its write limit is left.
inline constexpr std::size_t write_low_water(const Limits& limits) {
    return limits.write_limit_bytes / 2;
}
// Nothing is appended for QoS 0 beyond this, whatever the reason. Well above what may still come
// once the publishers have been told to wait: what other shards have on its way, and a packet from
// each.
inline constexpr std::size_t write_hard_limit(const Limits& limits) {
    return limits.write_limit_bytes * 8;
}

// Stored messages that a connected session's queue holds in memory, at its front; the rest stays in
// the store until its turn comes. More are loaded once fewer than the low water mark are left.
inline constexpr std::size_t load_ahead_messages = 256;
inline constexpr std::size_t load_ahead_bytes = 1024 * 1024;
inline constexpr std::size_t load_ahead_low_water = 64;

// While the store takes nothing more: how long a client waits for an answer before it is
// disconnected, to try again later.
inline constexpr std::chrono::seconds store_patience{10};

// From a CONNECT that names an authentication method to the end of the exchange, whoever is slow.
inline constexpr std::chrono::seconds exchange_patience{10};

// The work after which a pass of a shard ends early, so that nobody waits long for what others ask.
// It is counted, not timed: in steps of about 0.2 us, of which a packet and a delivery are one
// each.
inline constexpr std::uint32_t work_per_pass = 4096;
inline constexpr std::uint32_t connect_work = 100;
// The write of an outbox, which takes a system call.
inline constexpr std::uint32_t write_work = 24;
// Of a publication to many, to so many of them.
inline constexpr std::uint32_t fan_out_deliveries_per_work = 4;

// A publication to more subscribers than this is written out over several passes, to so many of
// them in each...
inline constexpr std::size_t fan_out_writes_per_pass = 128;
inline constexpr std::size_t fan_out_bytes_per_pass = 1024 * 1024;
// ...but not before its publisher has been read to the end, or in so many passes: the more an
// outbox has for its one system call, the better.
inline constexpr std::uint32_t fan_out_patience = 8;
// What may wait for that; beyond it the first are written to while others are still delivered to,
// so that their memory is used again.
inline constexpr std::size_t fan_out_waiting_max = 32 * 1024;
inline constexpr std::size_t fan_out_waiting_bytes_max = 16 * 1024 * 1024;

// Retained messages handed to a new subscription in one go.
inline constexpr std::size_t retained_slice_messages = 128;
// Nodes of the retained tree looked at in one go.
inline constexpr std::size_t retained_slice_nodes = 4096;

}  // namespace martlet::core
