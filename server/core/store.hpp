// Port: stable storage. A shard gathers what one pass must keep into a batch and submits it once;
// the answers that depend on it (PUBACK, PUBREC, SUBACK ...) wait until the store says it is
// durable.
//
// Every record can be applied twice without harm, so that a batch may be repeated after a crash.
// Threading: submit() is called on the shard's thread and must not block. Completion arrives later
// as Shard::on_durable(ticket) on the shard's thread, in order of submission.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocol/packet/subscribe.hpp"
#include "protocol/packet_id.hpp"
#include "server/core/access_control.hpp"
#include "server/core/message.hpp"

namespace martlet::core {

// A session's name in the store; never reused.
using SessionId = std::uint64_t;

struct SessionPut {
    SessionId session = 0;
    Identity owner;
    std::string client_id;
    std::uint32_t expiry_interval_s = 0;
};
struct SessionErased {
    SessionId session = 0;
};
struct SubscriptionPut {
    SessionId session = 0;
    std::string filter;
    protocol::SubscriptionOptions options;
    std::uint32_t identifier = 0;
};
struct SubscriptionErased {
    SessionId session = 0;
    std::string filter;
};
// One row for a message however many sessions it is for.
struct MessageTarget {
    SessionId session = 0;
    std::uint32_t packed = 0;  // granted QoS, retain flag, subscription identifier: see Delivery
};
struct MessagePut {
    MessageRef message;
    std::vector<MessageTarget> targets;
};
// A session is done with a message (PUBACK, PUBCOMP, expired, dropped).
struct MessageDone {
    SessionId session = 0;
    MessageRef message;
};
// An outgoing message is in flight under this identifier; `released` once PUBREC has come.
struct OutgoingPut {
    SessionId session = 0;
    protocol::PacketId packet_id{};
    MessageRef message;
    bool released = false;
};
struct IncomingQos2Put {
    SessionId session = 0;
    protocol::PacketId packet_id{};
};
struct IncomingQos2Erased {
    SessionId session = 0;
    protocol::PacketId packet_id{};
};
struct RetainedPut {
    MessageRef message;
};
struct RetainedErased {
    std::string topic;
};

using StoreRecord = std::variant<SessionPut, SessionErased, SubscriptionPut, SubscriptionErased,
                                 MessagePut, MessageDone, OutgoingPut, IncomingQos2Put,
                                 IncomingQos2Erased, RetainedPut, RetainedErased>;

struct StoreBatch {
    std::vector<StoreRecord> records;
    bool empty() const { return records.empty(); }
};

// Numbers a shard's batches from 1; 0 stands for "nothing to wait for".
using StoreTicket = std::uint64_t;

class Store {
public:
    virtual ~Store() = default;

    // False for `persistence false`: the shard then gathers no records and waits for nothing.
    virtual bool keeps_records() const = 0;
    virtual void submit(StoreTicket ticket, StoreBatch batch) = 0;
};

}  // namespace martlet::core
