// Small publications on their way to another shard, one behind the other in one block of memory: an
// allocation, a reference count and a free on another core's heap for each of them would cost more
// than all that is done with it.
// Lifetime: what read() gives are views of the block. Threading: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/core/message.hpp"

namespace martlet::core {

struct PackedPublication {
    MessageParts parts;
    std::uint64_t sequence = 0;  // as in PublishItem
    bool is_part = false;
};

class PackedPublications {
public:
    // Larger ones are shared instead, so that their bytes are copied once.
    static bool is_small(const MessageParts& parts) {
        constexpr std::size_t bytes_max = 2048;
        return parts.topic.size() + parts.payload.size() + parts.properties.size() <= bytes_max;
    }

    std::size_t size_bytes() const { return size_; }

    void reserve(std::size_t bytes);
    void add(const PackedPublication& publication);
    // The one at `offset`, which moves on to the next.
    PackedPublication read(std::size_t& offset) const;

private:
    struct Header;

    std::byte* grow(std::size_t size);

    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace martlet::core
