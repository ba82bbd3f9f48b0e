#include "server/core/outbox.hpp"

#include <algorithm>

namespace martlet::core {

static_assert(ChunkPool::large_size - sizeof(Chunk) >= Outbox::reserve_max);

// On share_threshold: copying 4 KiB costs a few hundred ns at most. Sharing costs two changes of a
// reference count that other shards change too, a segment more for the kernel and a small chunk for
// the next header, so it begins to pay between 1 and 4 KiB, the later the more shards there are.
// What is shared is also held once only, however many slow readers there are: hence not higher.

// Large chunks are for queues that grow. After a shared payload a small one comes first, so that a
// run of large messages does not tie up 16 KiB for each header between them.
void Outbox::add_chunk(ChunkPool& pool, std::size_t size) {
    const bool is_growing = tail_ != nullptr && tail_->kind != ChunkKind::shared;
    const bool fits_small = size <= ChunkPool::small_size - sizeof(Chunk);
    link(pool.acquire(fits_small && !is_growing ? ChunkKind::small : ChunkKind::large));
}

void Outbox::link(Chunk* chunk) {
    if (tail_ == nullptr) {
        head_ = chunk;
    } else {
        tail_->next = chunk;
    }
    tail_ = chunk;
}

void Outbox::append_in_pieces(ChunkPool& pool, protocol::Bytes bytes) {
    while (!bytes.empty()) {
        if (tail_ == nullptr || tail_->room() == 0) {
            add_chunk(pool, bytes.size());
        }
        const std::size_t size = std::min<std::size_t>(bytes.size(), tail_->room());
        std::copy_n(bytes.data(), size, tail_->data + tail_->end);
        commit(size);
        bytes = bytes.subspan(size);
    }
}

void Outbox::append_shared(ChunkPool& pool, MessageRef message, protocol::Bytes part) {
    if (part.empty()) {
        return;
    }
    Chunk* chunk = pool.acquire(ChunkKind::shared);
    chunk->message = std::move(message);
    // Never written to: a shared chunk has no room.
    chunk->data = const_cast<std::byte*>(part.data());
    chunk->end = chunk->capacity = static_cast<std::uint32_t>(part.size());
    link(chunk);
    size_ += part.size();
}

std::size_t Outbox::gather(std::span<OutputSegment> out) const {
    std::size_t count = 0;
    for (const Chunk* chunk = head_; chunk != nullptr && count < out.size(); chunk = chunk->next) {
        if (chunk->pending() != 0) {
            out[count++] = {chunk->data + chunk->begin, chunk->pending()};
        }
    }
    return count;
}

void Outbox::consume(ChunkPool& pool, std::size_t bytes) {
    assert(bytes <= size_);
    size_ -= bytes;
    if (size_ == 0) {
        clear(pool);
        return;
    }
    while (bytes >= head_->pending()) {
        bytes -= head_->pending();
        drop_head(pool);
    }
    head_->begin += static_cast<std::uint32_t>(bytes);
}

void Outbox::clear(ChunkPool& pool) {
    while (head_ != nullptr) {
        drop_head(pool);
    }
    size_ = 0;
}

void Outbox::drop_head(ChunkPool& pool) {
    Chunk* chunk = std::exchange(head_, head_->next);
    if (head_ == nullptr) {
        tail_ = nullptr;
    }
    pool.release(chunk);
}

}  // namespace martlet::core
