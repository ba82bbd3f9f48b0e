// Finds the ids of records by a 32-bit hash: a hash table that stores no keys, only (hash, id).
//
// 256 tables, chosen by the upper bits of the hash, so that each grows alone and no insertion ever
// waits for millions of entries to move. In each, linear probing from a place that rises with the
// hash: entries lie nearly sorted, which makes growing a sequential copy, and eight of them share a
// cache line. The stored hash makes it rare that a wrong record is looked at.
// Ownership: owns its tables, not the records. Threading: its shard's thread only.
// Invariant: in each table used < capacity, or both are 0; no gap between an entry and its place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace martlet::core {

class HashIndex {
public:
    static constexpr std::uint32_t none = 0xFFFFFFFF;

    // The id inserted with this hash for which is_it(id) holds, or `none`.
    template <class IsIt>
    std::uint32_t find(std::uint32_t hash, IsIt&& is_it) const {
        const Table& table = tables_[hash >> table_shift];
        if (table.used == 0) {
            return none;
        }
        const Entry* entries = table.entries.get();
        std::uint32_t place = home(hash, table.capacity);
        while (entries[place].id != none) {
            if (entries[place].hash == hash && is_it(entries[place].id)) {
                return entries[place].id;
            }
            place = after(place, table.capacity);
        }
        return none;
    }

    // Starts to load what find() will look at first.
    void prefetch(std::uint32_t hash) const {
        const Table& table = tables_[hash >> table_shift];
        __builtin_prefetch(table.entries.get() + home(hash, table.capacity));
    }

    // The pair must not be there yet.
    void insert(std::uint32_t hash, std::uint32_t id);
    // The pair must be there.
    void erase(std::uint32_t hash, std::uint32_t id);

    std::size_t size() const { return size_; }
    // Of its tables on the heap.
    std::size_t memory_size() const { return capacity_ * sizeof(Entry); }

private:
    struct Entry {
        std::uint32_t hash = 0;
        std::uint32_t id = none;
    };
    struct Table {
        std::unique_ptr<Entry[]> entries;
        std::uint32_t capacity = 0;
        std::uint32_t used = 0;
    };

    static constexpr unsigned table_bits = 8;
    static constexpr unsigned table_shift = 32 - table_bits;

    // Scales the bits that did not choose the table to [0, capacity).
    static std::uint32_t home(std::uint32_t hash, std::uint32_t capacity) {
        return static_cast<std::uint32_t>((std::uint64_t{hash << table_bits} * capacity) >> 32U);
    }
    static std::uint32_t after(std::uint32_t place, std::uint32_t capacity) {
        return place + 1 == capacity ? 0 : place + 1;
    }
    static void put(Table& table, Entry entry);
    void resize(Table& table, std::uint32_t capacity);

    std::array<Table, std::size_t{1} << table_bits> tables_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;  // of all tables
};

}  // namespace martlet::core
