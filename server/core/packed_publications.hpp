// Small publications on their way to another shard, one behind the other in one block of memory: an
// allocation, a reference count and a free on another core's heap for each of them would cost more
// than all that is done with it.
// Lifetime: what read() gives lies in the block. Threading: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/core/publication.hpp"

namespace martlet::core {

// One of them: this, and behind it
//   [topic length, 2 bytes][topic][payload][properties]
// as in a packet at QoS 0, with a 0 before the payload if it came so from a client of MQTT 5.
class alignas(std::uint64_t) PackedPublication {
public:
    std::uint64_t sequence() const { return sequence_; }  // as in PublishItem
    bool is_part() const { return is_part_; }
    const MessageOrigin& origin() const { return origin_; }

    // Made of what lies here, without a copy between: see Publication.
    Publication publication() const {
        const std::byte* const topic = reinterpret_cast<const std::byte*>(this + 1) + 2;
        const std::byte* const payload = topic + topic_size_ + (is_plain_v5_ ? 1 : 0);
        return {protocol::as_text({topic, topic_size_}),
                {payload, payload_size_},
                {payload + payload_size_, properties_size_},
                qos_,
                retain_,
                expires_at_,
                origin_,
                Publication::Body::in_one_piece,
                topic_hash_};
    }

private:
    friend class PackedPublications;

    PackedPublication() = default;

    static std::size_t body_size(std::size_t topic, std::size_t payload, std::size_t properties,
                                 bool is_plain_v5) {
        return 2U + topic + (is_plain_v5 ? 1U : 0U) + payload + properties;
    }
    std::size_t body_size() const {
        return body_size(topic_size_, payload_size_, properties_size_, is_plain_v5_);
    }

    MessageOrigin origin_;
    Instant expires_at_{};
    std::uint64_t sequence_ = 0;
    std::uint64_t topic_hash_ = Publication::hash_unknown;
    std::uint16_t topic_size_ = 0;
    std::uint16_t payload_size_ = 0;
    std::uint16_t properties_size_ = 0;
    protocol::QoS qos_{};
    bool retain_ : 1 = false;
    bool is_part_ : 1 = false;
    bool is_plain_v5_ : 1 = false;
};

static_assert(sizeof(PackedPublication) == 56);

class PackedPublications {
public:
    // Larger ones are shared instead, so that their bytes are copied once.
    static bool is_small(const MessageParts& parts) {
        constexpr std::size_t bytes_max = 2048;
        return parts.topic.size() + parts.payload.size() + parts.properties.size() <= bytes_max;
    }

    std::size_t size_bytes() const { return size_; }

    void reserve(std::size_t bytes);
    void add(const Publication& publication, std::uint64_t sequence, bool is_part);
    // The one at `offset`, which moves on to the next.
    const PackedPublication& read(std::size_t& offset) const;

private:
    std::byte* grow(std::size_t size);

    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace martlet::core
