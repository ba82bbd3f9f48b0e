#include "server/core/packed_publications.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/byte_writer.hpp"

namespace martlet::core {

namespace {

constexpr std::size_t first_capacity = 512;

// So that the next one is aligned.
std::size_t padded(std::size_t size) {
    constexpr std::size_t unit = alignof(PackedPublication);
    return (size + unit - 1) / unit * unit;
}

}  // namespace

void PackedPublications::add(const Publication& publication, std::uint64_t sequence, bool is_part) {
    const MessageParts& parts = publication.parts();
    protocol::Bytes body = publication.plain_body(true);
    const bool is_plain_v5 = !body.empty();
    if (!is_plain_v5) {
        body = publication.plain_body(false);
    }
    const std::size_t body_size = PackedPublication::body_size(
        parts.topic.size(), parts.payload.size(), parts.properties.size(), is_plain_v5);
    std::byte* const place = grow(padded(sizeof(PackedPublication) + body_size));
    auto& header = *new (place) PackedPublication;
    header.origin_ = parts.origin;
    header.expires_at_ = parts.expires_at;
    header.sequence_ = sequence;
    header.topic_hash_ = publication.known_topic_hash();
    header.topic_size_ = static_cast<std::uint16_t>(parts.topic.size());
    header.payload_size_ = static_cast<std::uint16_t>(parts.payload.size());
    header.properties_size_ = static_cast<std::uint16_t>(parts.properties.size());
    header.qos_ = parts.qos;
    header.retain_ = parts.retain;
    header.is_part_ = is_part;
    header.is_plain_v5_ = is_plain_v5;
    protocol::ByteWriter out({place + sizeof(PackedPublication), body_size});
    if (!body.empty()) {
        out.bytes(body);
    } else {
        out.utf8(parts.topic);
        out.bytes(parts.payload);
    }
    out.bytes(parts.properties);
}

void PackedPublications::reserve(std::size_t bytes) {
    if (bytes > capacity_) {
        capacity_ = bytes;
        auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity_);
        if (size_ != 0) {
            std::memcpy(larger.get(), bytes_.get(), size_);
        }
        bytes_ = std::move(larger);
    }
}

std::byte* PackedPublications::grow(std::size_t size) {
    if (capacity_ - size_ < size) {
        reserve(std::max({capacity_ * 2, size_ + size, first_capacity}));
    }
    return bytes_.get() + std::exchange(size_, size_ + size);
}

const PackedPublication& PackedPublications::read(std::size_t& offset) const {
    MARTLET_ASSERT(offset + sizeof(PackedPublication) <= size_);
    const auto& header =
        *std::launder(reinterpret_cast<const PackedPublication*>(bytes_.get() + offset));
    offset += padded(sizeof(PackedPublication) + header.body_size());
    return header;
}

}  // namespace martlet::core
