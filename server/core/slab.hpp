// Records named by 32-bit ids, in chunks that never move.
//
// An id is half a pointer, and growing allocates one more chunk of 1,024 records: few enough that
// one record that stays for long does not hold much memory. A released id is used again soon. A
// chunk whose last record goes is freed, unless new records are just being put there.
// Ownership: owns its records. Threading: its shard's thread only.
// Invariant: an id is live from allocate() to release(); ids are < 2^31.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace martlet::core {

template <class T>
class Slab {
    static_assert(sizeof(T) >= sizeof(std::uint32_t), "a free record holds the next free one");

public:
    using Id = std::uint32_t;

    Slab() = default;
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;
    ~Slab() { clear(); }

    template <class... Args>
    Id allocate(Args&&... args) {
        const Id id = take_id();
        std::construct_at(place(id), std::forward<Args>(args)...);
        return id;
    }
    void release(Id id) {
        std::destroy_at(place(id));
        give_back_id(id);
    }

    T& operator[](Id id) { return *place(id); }
    const T& operator[](Id id) const { return *place(id); }

    void prefetch(Id id) const { __builtin_prefetch(static_cast<const void*>(place(id))); }

    // Live records.
    std::size_t size() const { return live_; }
    // Without what records own elsewhere.
    std::size_t memory_size() const;
    void clear();

private:
    static constexpr unsigned chunk_bits = 10;
    static constexpr std::uint32_t chunk_records = 1U << chunk_bits;
    static constexpr std::uint32_t nothing = 0xFFFFFFFF;

    // What is known of a chunk besides where it lies. One that is not full is either current_ or
    // in open_, exactly once; it may have been freed.
    struct Usage {
        std::uint32_t free = nothing;  // head of the list of released records
        std::uint32_t fresh = 0;       // records from here on were never used
        std::uint32_t live = 0;
    };

    T* place(Id id) const { return chunks_[id >> chunk_bits] + (id & (chunk_records - 1)); }
    Id take_id();
    void give_back_id(Id id);
    void choose_chunk();
    void free_chunk(std::uint32_t chunk);
    std::uint32_t next_free(const T* record) const {
        std::uint32_t next = 0;
        std::memcpy(&next, static_cast<const void*>(record), sizeof next);
        return next;
    }

    std::vector<T*> chunks_;
    std::vector<Usage> usage_;         // of the chunk in the same place
    std::vector<std::uint32_t> open_;  // chunks with room besides current_
    std::uint32_t current_ = nothing;  // where new records go
    std::size_t live_ = 0;
};

template <class T>
typename Slab<T>::Id Slab<T>::take_id() {
    if (current_ == nothing || usage_[current_].live == chunk_records) {
        choose_chunk();
    }
    Usage& usage = usage_[current_];
    std::uint32_t record = usage.free;
    if (record != nothing) {
        usage.free = next_free(chunks_[current_] + record);
    } else {
        record = usage.fresh++;
    }
    ++usage.live;
    ++live_;
    return (current_ << chunk_bits) | record;
}

template <class T>
void Slab<T>::give_back_id(Id id) {
    const std::uint32_t chunk = id >> chunk_bits;
    Usage& usage = usage_[chunk];
    if (usage.live == chunk_records && chunk != current_) {
        open_.push_back(chunk);
    }
    std::memcpy(static_cast<void*>(place(id)), &usage.free, sizeof usage.free);
    usage.free = id & (chunk_records - 1);
    --usage.live;
    --live_;
    if (usage.live == 0 && chunk != current_) {
        free_chunk(chunk);
    }
}

template <class T>
void Slab<T>::choose_chunk() {
    if (open_.empty()) {
        current_ = static_cast<std::uint32_t>(chunks_.size());
        chunks_.push_back(nullptr);
        usage_.emplace_back();
    } else {
        current_ = open_.back();
        open_.pop_back();
    }
    if (chunks_[current_] == nullptr) {
        void* memory = ::operator new (chunk_records * sizeof(T), std::align_val_t{alignof(T)});
        chunks_[current_] = static_cast<T*>(memory);
    }
}

template <class T>
void Slab<T>::free_chunk(std::uint32_t chunk) {
    ::operator delete (static_cast<void*>(chunks_[chunk]), std::align_val_t{alignof(T)});
    chunks_[chunk] = nullptr;
    usage_[chunk] = Usage{};
}

template <class T>
std::size_t Slab<T>::memory_size() const {
    std::size_t records = 0;
    for (const Usage& usage : usage_) {
        records += usage.fresh;
    }
    return records * sizeof(T) + chunks_.capacity() * sizeof(T*) +
           usage_.capacity() * sizeof(Usage) + open_.capacity() * sizeof(std::uint32_t);
}

template <class T>
void Slab<T>::clear() {
    for (std::uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
        const Usage& usage = usage_[chunk];
        std::vector<bool> is_free(usage.fresh);
        for (auto at = usage.free; at != nothing; at = next_free(chunks_[chunk] + at)) {
            is_free[at] = true;
        }
        for (std::uint32_t record = 0; record < usage.fresh; ++record) {
            if (!is_free[record]) {
                std::destroy_at(chunks_[chunk] + record);
            }
        }
        free_chunk(chunk);
    }
    chunks_.clear();
    usage_.clear();
    open_.clear();
    current_ = nothing;
    live_ = 0;
}

}  // namespace martlet::core
