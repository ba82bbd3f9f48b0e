// An Application Message, immutable once made, shared by everything that has yet to deliver it.
//
// Ownership: intrusively reference counted (MessageRef); one allocation holds the header and the
// bytes
//   [topic length, 2 bytes][topic][payload][forwarded properties]
// so that topic and payload lie together as in a 3.1.1 PUBLISH at QoS 0.
// Threading: immutable · the reference count is atomic, since messages cross shards.
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <string_view>

#include "protocol/byte_reader.hpp"
#include "protocol/qos.hpp"
#include "server/core/ids.hpp"
#include "server/core/time.hpp"

namespace martlet::core {

class Message;
using MessageRef = boost::intrusive_ptr<const Message>;

// Who published: for No Local and for slowing the publisher down when its subscribers lag.
// `session` names the publisher's session for as long as the broker runs (0: the broker itself).
struct MessageOrigin {
    std::uint64_t session = 0;
    ConnectionId connection;
    ShardIndex shard = 0;
};

// Everything a Message is made from; views are copied.
struct MessageParts {
    std::string_view topic;
    protocol::Bytes payload;
    protocol::Bytes properties;  // v5 property block as received; only what is forwarded is copied
    protocol::QoS qos{};
    bool retain = false;  // as published
    Instant expires_at = never;
    MessageOrigin origin;
};

class Message {
public:
    static MessageRef make(const MessageParts& parts);

    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    std::string_view topic() const {
        return {reinterpret_cast<const char*>(body() + 2), topic_size_};
    }
    protocol::Bytes payload() const { return {body() + 2 + topic_size_, payload_size_}; }
    // The forwarded properties, already without Message Expiry Interval, Topic Alias and the like.
    protocol::Bytes properties() const {
        return {body() + 2 + topic_size_ + payload_size_, properties_size_};
    }

    protocol::QoS qos() const { return qos_; }
    bool retain() const { return retain_; }
    Instant expires_at() const { return expires_at_; }
    const MessageOrigin& origin() const { return origin_; }

    // What it holds in memory, for byte limits.
    std::size_t memory_size() const {
        return sizeof(Message) + 2 + topic_size_ + payload_size_ + properties_size_;
    }

private:
    explicit Message(const MessageParts& parts, std::uint32_t properties_size);

    const std::byte* body() const { return reinterpret_cast<const std::byte*>(this + 1); }

    friend void intrusive_ptr_add_ref(const Message* message) {
        message->references_.fetch_add(1, std::memory_order_relaxed);
    }
    // Whoever has the last reference has nobody to agree with, which saves the dear part of it.
    friend void intrusive_ptr_release(const Message* message) {
        if (message->references_.load(std::memory_order_acquire) == 1 ||
            message->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            destroy(message);
        }
    }
    static void destroy(const Message* message);

    mutable std::atomic<std::uint32_t> references_{1};
    std::uint32_t payload_size_;
    std::uint32_t properties_size_;
    std::uint16_t topic_size_;
    protocol::QoS qos_;
    bool retain_;
    Instant expires_at_;
    MessageOrigin origin_;
};

}  // namespace martlet::core
