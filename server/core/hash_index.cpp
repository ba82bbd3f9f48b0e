#include "server/core/hash_index.hpp"

#include <algorithm>

#include "protocol/assert.hpp"

namespace martlet::core {

namespace {

constexpr std::uint32_t capacity_min = 4;

// Full at 3/4, so that the runs of linear probing stay short; grown by half, so that at least 1/2
// is used. Halved below 1/4.
constexpr bool is_full(std::uint32_t used, std::uint32_t capacity) {
    return used >= capacity - capacity / 4;
}

constexpr std::uint32_t grown(std::uint32_t capacity) {
    return std::max(capacity_min, capacity + capacity / 2);
}

}  // namespace

void HashIndex::insert(std::uint32_t hash, std::uint32_t id) {
    Table& table = tables_[hash >> table_shift];
    if (is_full(table.used, table.capacity)) {
        resize(table, grown(table.capacity));
    }
    put(table, Entry{hash, id});
    ++size_;
}

void HashIndex::put(Table& table, Entry entry) {
    std::uint32_t place = home(entry.hash, table.capacity);
    while (table.entries[place].id != none) {
        place = after(place, table.capacity);
    }
    table.entries[place] = entry;
    ++table.used;
}

void HashIndex::erase(std::uint32_t hash, std::uint32_t id) {
    Table& table = tables_[hash >> table_shift];
    std::uint32_t gap = home(hash, table.capacity);
    while (table.entries[gap].id != id || table.entries[gap].hash != hash) {
        MARTLET_ASSERT(table.entries[gap].id != none);
        gap = after(gap, table.capacity);
    }
    // Entries behind the gap that could lie in it or before it move up: searches stop at a gap.
    for (std::uint32_t at = after(gap, table.capacity); table.entries[at].id != none;
         at = after(at, table.capacity)) {
        const std::uint32_t wanted = home(table.entries[at].hash, table.capacity);
        const bool is_reached_over_gap =
            gap <= at ? wanted <= gap || wanted > at : wanted <= gap && wanted > at;
        if (is_reached_over_gap) {
            table.entries[gap] = table.entries[at];
            gap = at;
        }
    }
    table.entries[gap] = Entry{};
    --size_;
    if (--table.used == 0) {
        resize(table, 0);
    } else if (table.used < table.capacity / 4) {
        resize(table, table.capacity / 2);
    }
}

void HashIndex::resize(Table& table, std::uint32_t capacity) {
    Table old;
    std::swap(old, table);
    capacity_ = capacity_ - old.capacity + capacity;
    if (capacity == 0) {
        return;
    }
    table.entries.reset(new Entry[capacity]);
    table.capacity = capacity;
    for (std::uint32_t i = 0; i < old.capacity; ++i) {
        if (old.entries[i].id != none) {
            put(table, old.entries[i]);
        }
    }
}

}  // namespace martlet::core
