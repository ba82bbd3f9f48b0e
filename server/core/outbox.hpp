// The write queue of one connection: bytes go in packet by packet and out as segments of a gather
// write.
//
// A list of chunks from the shard's ChunkPool. Small packets are copied one after the other into
// the tail chunk, large payloads are referenced where they lie in their Message. The first chunk is
// small (1 KiB), since most connections have one packet to say; those that follow are large.
// Ownership: owns its chunks and a reference to every shared message; the pool is passed in with
// each call so that the outbox stays small, and must always be the same. Empty owns no memory.
// clear() before destruction. Threading: its shard's thread only.
// Invariant: size() == sum of the pending bytes of all chunks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/byte_reader.hpp"
#include "server/core/chunk_pool.hpp"
#include "server/core/message.hpp"

namespace martlet::core {

struct OutputSegment {
    const std::byte* data = nullptr;
    std::size_t size = 0;
};

class Outbox {
public:
    // What reserve() can give in one piece.
    static constexpr std::size_t reserve_max = 4096;
    // From this size on a payload is better shared than copied: see outbox.cpp.
    static constexpr std::size_t share_threshold = 4096;

    Outbox() = default;
    Outbox(Outbox&& other) noexcept
        : head_(std::exchange(other.head_, nullptr)),
          tail_(std::exchange(other.tail_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Outbox& operator=(Outbox&&) = delete;
    ~Outbox() { MARTLET_ASSERT(head_ == nullptr); }

    // Contiguous room for `size` <= reserve_max bytes, to be filled and then committed (in part or
    // as a whole) before anything else is done with the outbox.
    std::byte* reserve(ChunkPool& pool, std::size_t size) {
        MARTLET_ASSERT(size <= reserve_max);
        if (tail_ == nullptr || size > tail_->room()) [[unlikely]] {
            add_chunk(pool, size);
        }
        return tail_->data + tail_->end;
    }
    void commit(std::size_t size) {
        MARTLET_ASSERT(tail_ != nullptr && size <= tail_->room());
        tail_->end += static_cast<std::uint32_t>(size);
        size_ += size;
    }

    // Copies; may be split over chunks.
    void append(ChunkPool& pool, protocol::Bytes bytes) {
        if (tail_ == nullptr || bytes.size() > tail_->room()) [[unlikely]] {
            append_in_pieces(pool, bytes);
            return;
        }
        std::copy_n(bytes.data(), bytes.size(), tail_->data + tail_->end);
        commit(bytes.size());
    }
    // References `part`, which lies inside the message, instead of copying it.
    void append_shared(ChunkPool& pool, MessageRef message, protocol::Bytes part);

    // Fills `out` with what is to be written first; returns how many segments that are.
    std::size_t gather(std::span<OutputSegment> out) const;
    // The first `bytes` have been written.
    void consume(ChunkPool& pool, std::size_t bytes);

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    void clear(ChunkPool& pool);

private:
    void add_chunk(ChunkPool& pool, std::size_t size);
    void append_in_pieces(ChunkPool& pool, protocol::Bytes bytes);
    void link(Chunk* chunk);
    void drop_head(ChunkPool& pool);

    Chunk* head_ = nullptr;
    Chunk* tail_ = nullptr;
    std::size_t size_ = 0;  // bytes pending
};

static_assert(sizeof(Outbox) <= 32);

}  // namespace martlet::core
