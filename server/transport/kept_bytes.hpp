// Received bytes that could not be used yet: a packet that is not whole, or whole ones of a
// connection that is not being read.
//
// Grows with what has been received, never with a length that was announced, and owns no memory
// when empty. Ownership: owns its bytes. Threading: the thread of the shard its Connection is on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/byte_reader.hpp"

namespace martlet::transport {

class KeptBytes {
public:
    KeptBytes() = default;
    KeptBytes(const KeptBytes&) = delete;
    KeptBytes& operator=(const KeptBytes&) = delete;
    ~KeptBytes() { clear(); }

    protocol::Bytes bytes() const { return {data_, size_}; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    // Replaces everything; `bytes` lie elsewhere.
    void assign(protocol::Bytes bytes);
    void append(protocol::Bytes bytes);
    // Room for at least `size` bytes behind what is there, to be filled and then committed.
    std::span<std::byte> room(std::size_t size);
    void commit(std::size_t size) { size_ += static_cast<std::uint32_t>(size); }
    void drop_front(std::size_t count);
    void clear();

private:
    std::byte* data_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

static_assert(sizeof(KeptBytes) == 16);

}  // namespace martlet::transport
