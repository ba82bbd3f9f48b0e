// A message while it is being routed: views of what was received, turned into a shared Message only
// when something has to keep it (a queue, an inflight window, another shard, the retained store).
// Lifetime: one routing pass. Threading: its shard's thread only.
#pragma once

#include "protocol/packet/publish.hpp"
#include "server/core/message.hpp"
#include "server/core/text_hash.hpp"

namespace martlet::core {

class Publication {
public:
    // In one piece topic and payload lie as in a packet at QoS 0, behind the length of the topic;
    // of which version is seen by what is between.
    enum class Body : bool { in_pieces, in_one_piece };
    // A topic that has this hash has it made again each time, that is all.
    static constexpr std::uint64_t hash_unknown = 0;

    // What was received; the views must outlive the routing pass. Put together in place: copying
    // what was written in pieces a moment ago stalls the processor.
    Publication(std::string_view topic, protocol::Bytes payload, protocol::Bytes properties,
                protocol::QoS qos, bool retain, Instant expires_at, const MessageOrigin& origin,
                Body body, std::uint64_t topic_hash = hash_unknown)
        : parts_{topic, payload, properties, qos, retain, expires_at, origin},
          topic_hash_(topic_hash),
          body_(body) {}
    Publication(const protocol::PublishView& publish, const MessageOrigin& origin,
                Instant expires_at)
        : Publication(publish.topic, publish.payload, publish.properties, publish.qos,
                      publish.retain, expires_at, origin,
                      publish.is_plain ? Body::in_one_piece : Body::in_pieces) {}
    explicit Publication(const MessageParts& parts) : parts_(parts) {}
    // A message that exists already.
    explicit Publication(MessageRef message) : message_(std::move(message)) {
        parts_.topic = message_->topic();
        parts_.payload = message_->payload();
        parts_.properties = message_->properties();
        parts_.qos = message_->qos();
        parts_.retain = message_->retain();
        parts_.expires_at = message_->expires_at();
        parts_.origin = message_->origin();
        body_ = Body::in_one_piece;
    }

    std::string_view topic() const { return parts_.topic; }
    protocol::Bytes payload() const { return parts_.payload; }
    protocol::QoS qos() const { return parts_.qos; }
    bool retain() const { return parts_.retain; }
    Instant expires_at() const { return parts_.expires_at; }
    const MessageOrigin& origin() const { return parts_.origin; }

    // What follows the fixed header of a PUBLISH at QoS 0 without properties, for a receiver of
    // MQTT 5 or of 3.1.1. Empty: it is not there in one piece, and must be put together.
    protocol::Bytes plain_body(bool is_v5) const {
        const std::byte* const topic_end = protocol::as_bytes(topic()).data() + topic().size();
        const std::byte* const payload_begin = topic_end + (is_v5 ? 1 : 0);  // v5: no properties
        if (body_ != Body::in_one_piece || payload().data() != payload_begin) {
            return {};
        }
        return {protocol::as_bytes(topic()).data() - 2, payload_begin + payload().size()};
    }
    // The properties that go on to subscribers.
    protocol::Bytes forwarded_properties() {
        if (parts_.properties.empty()) {
            return {};
        }
        return message()->properties();
    }

    // The shared form, made at first need: then everything above refers to it.
    const MessageRef& message() {
        if (!message_) {
            message_ = Message::make(parts_);
            parts_.topic = message_->topic();
            parts_.payload = message_->payload();
            body_ = Body::in_one_piece;
        }
        return message_;
    }
    // Of the whole topic, made at first need; every hasher has the broker's seed.
    std::uint64_t topic_hash(const TextHash& hasher) {
        if (topic_hash_ == hash_unknown) {
            topic_hash_ = hasher(parts_.topic);
        }
        return topic_hash_;
    }
    std::uint64_t known_topic_hash() const { return topic_hash_; }
    const MessageParts& parts() const { return parts_; }
    bool is_shared() const { return static_cast<bool>(message_); }

private:
    MessageParts parts_;
    MessageRef message_;
    std::uint64_t topic_hash_ = hash_unknown;
    Body body_ = Body::in_pieces;
};

}  // namespace martlet::core
