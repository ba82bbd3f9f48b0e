// Memory for write queues: chunks of three sizes, recycled through free lists.
//
// A pass of the shard fills and empties many outboxes; without the pool each would cost an
// allocation. What lies idle is bounded, the rest goes back to the allocator.
// Ownership: owns idle chunks; chunks handed out belong to their Outbox and must come back before
// the pool is destroyed. Threading: its shard's thread only.
// Invariant: idle_bytes() <= idle_bytes_max.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "server/core/message.hpp"

namespace martlet::core {

enum class ChunkKind : std::uint8_t { shared, small, large };

// A run of bytes in a write queue. Bytes [begin, end) are pending; [end, capacity) is room. `data`
// follows the header in small and large chunks; in a shared one it points into `message` and there
// is no room.
struct Chunk {
    Chunk* next = nullptr;
    std::byte* data = nullptr;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t capacity = 0;
    ChunkKind kind{};
    MessageRef message;  // shared chunks only

    std::uint32_t room() const { return capacity - end; }
    std::uint32_t pending() const { return end - begin; }
};

class ChunkPool {
public:
    // Sizes with the header. A connection that answers now and then lives on small chunks.
    static constexpr std::size_t small_size = 1024;
    static constexpr std::size_t large_size = 16 * 1024;
    static constexpr std::size_t idle_bytes_default = 8 * 1024 * 1024;

    ChunkPool() : ChunkPool(idle_bytes_default) {}
    explicit ChunkPool(std::size_t idle_bytes_max) : idle_bytes_max_(idle_bytes_max) {}
    ChunkPool(const ChunkPool&) = delete;
    ChunkPool& operator=(const ChunkPool&) = delete;
    ~ChunkPool();

    Chunk* acquire(ChunkKind kind);
    void release(Chunk* chunk);
    // Gives what lies ready back to the allocator, after a peak.
    void free_idle();

    // What outboxes hold (without the messages they share) and what lies ready for them.
    std::size_t used_bytes() const { return used_bytes_; }
    std::size_t idle_bytes() const { return idle_bytes_; }

private:
    std::array<Chunk*, 3> idle_{};  // by ChunkKind
    std::size_t idle_bytes_ = 0;
    std::size_t used_bytes_ = 0;
    std::size_t idle_bytes_max_;
};

}  // namespace martlet::core
