// A set of Packet Identifiers: the incoming QoS 2 exchanges that await their PUBREL.
//
// Nearly always empty or tiny: a sorted array, which owns no memory when empty. Past a thousand
// identifiers it becomes a bitmap of 8 KiB, so that a client with a huge window costs O(1) too.
// Ownership: owns its array. Threading: its shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "protocol/packet_id.hpp"

namespace martlet::core {

class PacketIdSet {
public:
    PacketIdSet() = default;
    PacketIdSet(PacketIdSet&& other) noexcept;
    PacketIdSet& operator=(PacketIdSet&& other) noexcept;
    ~PacketIdSet() = default;

    // Whether it was not there yet.
    bool insert(protocol::PacketId id);
    // Whether it was there.
    bool erase(protocol::PacketId id);
    bool contains(protocol::PacketId id) const;

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    void clear();
    // Bytes on the heap.
    std::size_t memory_size() const { return std::size_t{capacity_} * sizeof(std::uint16_t); }

private:
    // In words of 16 bits. A bitmap has one bit for each identifier and is told by its capacity.
    static constexpr std::uint32_t bitmap_words = 4096;
    static constexpr std::uint32_t capacity_min = 8;
    static constexpr std::uint32_t sorted_max = 1024;
    static constexpr std::uint32_t back_to_sorted = 256;

    bool is_bitmap() const { return capacity_ == bitmap_words; }
    bool bit(std::uint16_t id) const { return ((words_[id / 16U] >> (id % 16U)) & 1U) != 0; }
    std::uint32_t lower_bound(std::uint16_t id) const;
    void set_capacity(std::uint32_t capacity);
    void become_bitmap();
    void become_sorted();

    std::unique_ptr<std::uint16_t[]> words_;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;  // words allocated
};

static_assert(sizeof(PacketIdSet) <= 16);

}  // namespace martlet::core
