#include "server/core/chunk_pool.hpp"

#include <memory>
#include <new>
#include <utility>

#include "protocol/assert.hpp"

namespace martlet::core {

namespace {

constexpr std::size_t size_of(ChunkKind kind) {
    switch (kind) {
        case ChunkKind::shared:
            return sizeof(Chunk);
        case ChunkKind::small:
            return ChunkPool::small_size;
        case ChunkKind::large:
            return ChunkPool::large_size;
    }
    return 0;
}

void free_chunk(Chunk* chunk) {
    std::destroy_at(chunk);
    ::operator delete(static_cast<void*>(chunk));
}

}  // namespace

ChunkPool::~ChunkPool() {
    MARTLET_ASSERT(used_bytes_ == 0);
    free_idle();
}

void ChunkPool::free_idle() {
    for (Chunk*& first : idle_) {
        while (first != nullptr) {
            free_chunk(std::exchange(first, first->next));
        }
    }
    idle_bytes_ = 0;
}

Chunk* ChunkPool::acquire(ChunkKind kind) {
    const std::size_t size = size_of(kind);
    used_bytes_ += size;
    Chunk*& idle = idle_[static_cast<std::size_t>(kind)];
    if (idle != nullptr) {
        Chunk* chunk = std::exchange(idle, idle->next);
        chunk->next = nullptr;
        chunk->begin = chunk->end = 0;
        idle_bytes_ -= size;
        return chunk;
    }
    auto* chunk = new (::operator new(size)) Chunk;
    chunk->kind = kind;
    if (kind != ChunkKind::shared) {
        chunk->data = reinterpret_cast<std::byte*>(chunk + 1);
        chunk->capacity = static_cast<std::uint32_t>(size - sizeof(Chunk));
    }
    return chunk;
}

void ChunkPool::release(Chunk* chunk) {
    const std::size_t size = size_of(chunk->kind);
    used_bytes_ -= size;
    chunk->message.reset();
    if (idle_bytes_ + size > idle_bytes_max_) {
        free_chunk(chunk);
        return;
    }
    Chunk*& idle = idle_[static_cast<std::size_t>(chunk->kind)];
    chunk->next = idle;
    idle = chunk;
    idle_bytes_ += size;
}

}  // namespace martlet::core
