#include "server/core/packed_publications.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/assert.hpp"

namespace martlet::core {

namespace {

constexpr std::size_t first_capacity = 512;

}  // namespace

struct PackedPublications::Header {
    MessageOrigin origin;
    Instant expires_at;
    std::uint64_t sequence;
    std::uint16_t topic_size;
    std::uint16_t payload_size;
    std::uint16_t properties_size;
    protocol::QoS qos;
    bool retain;
    bool is_part;
};

void PackedPublications::add(const PackedPublication& publication) {
    const MessageParts& parts = publication.parts;
    Header header{};
    header.origin = parts.origin;
    header.expires_at = parts.expires_at;
    header.sequence = publication.sequence;
    header.topic_size = static_cast<std::uint16_t>(parts.topic.size());
    header.payload_size = static_cast<std::uint16_t>(parts.payload.size());
    header.properties_size = static_cast<std::uint16_t>(parts.properties.size());
    header.qos = parts.qos;
    header.retain = parts.retain;
    header.is_part = publication.is_part;
    std::byte* out =
        grow(sizeof header + parts.topic.size() + parts.payload.size() + parts.properties.size());
    const auto append = [&out](const void* data, std::size_t size) {
        if (size != 0) {
            std::memcpy(out, data, size);
            out += size;
        }
    };
    append(&header, sizeof header);
    append(parts.topic.data(), parts.topic.size());
    append(parts.payload.data(), parts.payload.size());
    append(parts.properties.data(), parts.properties.size());
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

PackedPublication PackedPublications::read(std::size_t& offset) const {
    MARTLET_ASSERT(offset + sizeof(Header) <= size_);
    Header header;
    std::memcpy(&header, bytes_.get() + offset, sizeof header);
    const std::byte* at = bytes_.get() + offset + sizeof header;
    const auto take = [&at](std::size_t size) {
        const protocol::Bytes bytes{at, size};
        at += size;
        return bytes;
    };
    PackedPublication publication;
    MessageParts& parts = publication.parts;
    parts.topic = protocol::as_text(take(header.topic_size));
    parts.payload = take(header.payload_size);
    parts.properties = take(header.properties_size);
    parts.qos = header.qos;
    parts.retain = header.retain;
    parts.expires_at = header.expires_at;
    parts.origin = header.origin;
    publication.sequence = header.sequence;
    publication.is_part = header.is_part;
    offset = static_cast<std::size_t>(at - bytes_.get());
    return publication;
}

}  // namespace martlet::core
