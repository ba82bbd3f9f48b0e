// Port: stable storage. A shard gathers what one pass must keep into a batch and submits it once;
// the answers that depend on it (PUBACK, PUBREC, SUBACK ...) wait until the store says it is
// durable. What was kept comes back at the next start as recovered sessions (recovered.hpp).
//
// Batches are applied whole and in order of submission, each shard's in its own. Every record can
// be applied twice without harm, so that a batch may be repeated.
// Threading: submit() and load() are called on the shard's thread and must not block. What the
// store has to say arrives later as Shard::on_store(news) on the shard's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "protocol/packet/subscribe.hpp"
#include "protocol/packet_id.hpp"
#include "server/core/access_control.hpp"
#include "server/core/boxed.hpp"
#include "server/core/ids.hpp"
#include "server/core/message.hpp"
#include "server/core/message_targets.hpp"
#include "server/core/row_ids.hpp"
#include "server/core/time.hpp"

namespace martlet::core {

struct SessionPut {
    SessionId session = 0;
    Identity owner;
    std::string client_id;
    std::uint32_t expiry_interval_s = 0;
    Instant disconnected_at = never;  // `never`: it is connected
};
// With all that belongs to it. Its messages are told of one by one (MessageDone).
struct SessionErased {
    SessionId session = 0;
};
struct WillPut {
    SessionId session = 0;
    MessageRef message;
    std::uint32_t delay_interval_s = 0;
    std::uint32_t message_expiry_interval_s = 0;
    bool has_message_expiry = false;
};
struct WillErased {
    SessionId session = 0;
};
struct SubscriptionPut {
    SessionId session = 0;
    std::string filter;  // with $share/group/ before it for a shared one
    protocol::SubscriptionOptions options;
    std::uint32_t identifier = 0;
};
struct SubscriptionErased {
    SessionId session = 0;
    std::string filter;
};

// A publication at QoS 2 that is stored by several shards, named by the publisher's shard and by a
// number that this shard counts up while it runs.
struct PublicationKey {
    ShardIndex shard = 0;
    std::uint64_t sequence = 0;  // 0: none

    explicit operator bool() const { return sequence != 0; }
    friend auto operator<=>(const PublicationKey&, const PublicationKey&) = default;  // NOLINT
};
// One row for a message, however many sessions of the shard it is for.
struct MessagePut {
    // What most messages do without.
    struct Rare {
        std::vector<std::uint32_t> identifiers;
        PublicationKey part_of;
    };

    MessageId id = 0;
    MessageRef message;
    MessageTargets targets;
    Boxed<Rare> rare{};

    // Subscription Identifiers of all targets with extras, one after the other.
    std::span<const std::uint32_t> identifiers() const {
        return rare ? std::span(rare->identifiers) : std::span<const std::uint32_t>();
    }
    // Set: one part of a publication, to be stored together with its other parts or not at all. The
    // store keeps it in memory (loads see it, MessageDone applies to it) until PublicationComplete,
    // and writes it in the same transaction as that. A batch counts as durable without such parts.
    PublicationKey part_of() const { return rare ? rare->part_of : PublicationKey(); }
};
// All parts have been submitted, by whichever shards, before this.
struct PublicationComplete {
    PublicationKey publication;
};
// One of its targets is done with a message (PUBACK, PUBREC, expired, dropped); the row goes with
// the last one.
struct MessageDone {
    MessageId id = 0;
};

// The window of a session's outgoing messages. Says of every message for the session how far it
// has come: those up to `taken_through` have left the queue, and of those the ones that are not
// listed are done.
struct WindowEntry {
    MessageId message = 0;
    protocol::PacketId packet_id{};
    bool is_released = false;  // PUBREC has come: the message is done with, PUBCOMP is awaited
};
struct WindowPut {
    SessionId session = 0;
    MessageId taken_through = 0;
    std::vector<WindowEntry> entries;  // oldest first
};

struct IncomingQos2Put {
    SessionId session = 0;
    protocol::PacketId packet_id{};
};
struct IncomingQos2Erased {
    SessionId session = 0;
    protocol::PacketId packet_id{};
};
// Replaces what is there under the same id.
struct RetainedPut {
    RetainedId id = 0;
    MessageRef message;
};
struct RetainedErased {
    RetainedId id = 0;
};

// Many wait for the store at once, and each is moved more than once.
using StoreRecord =
    std::variant<Boxed<SessionPut>, SessionErased, WillPut, WillErased, SubscriptionPut,
                 SubscriptionErased, MessagePut, PublicationComplete, MessageDone, WindowPut,
                 IncomingQos2Put, IncomingQos2Erased, RetainedPut, RetainedErased>;
static_assert(sizeof(StoreRecord) <= 56);

struct StoreBatch {
    std::vector<StoreRecord> records;
    // An answer waits for this batch or one before it. Others may be kept back for a while, to be
    // made durable together with more.
    bool is_urgent = false;

    bool empty() const { return records.empty(); }
};

// Numbers a shard's batches from 1; 0 stands for "nothing to wait for".
using StoreTicket = std::uint64_t;

// Messages that a session's queue has come to, wanted back in memory.
struct LoadRequest {
    SessionSlot slot = no_session;
    SessionId session = 0;
    std::vector<MessageId> ids;  // ascending
};
struct LoadedMessages {
    SessionSlot slot = no_session;
    SessionId session = 0;
    std::vector<MessageId> ids;        // as requested
    std::vector<MessageRef> messages;  // of each; null: not there, or unreadable
};

// What the store tells a shard; several may be gathered into one.
struct StoreNews {
    StoreTicket durable = 0;  // this batch and all before it; 0: no news of that
    // Nothing more can be made durable for now (the disk is full): what was submitted is kept and
    // tried again, but more should be refused.
    bool refuses = false;
    std::vector<LoadedMessages> loaded;
};

class Store {
public:
    virtual ~Store() = default;

    // False for `persistence false`: the shard then gathers no records and waits for nothing.
    virtual bool keeps_records() const = 0;
    virtual void submit(StoreTicket ticket, StoreBatch batch) = 0;
    // Sees all that was submitted before it.
    virtual void load(LoadRequest request) = 0;
};

}  // namespace martlet::core
