// Some of a broker's shards. Walking it looks at those that are in it, in ascending order, and at
// one word for every 64 that may be.
// Ownership: owns its words. Threading: its shard's thread only.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/core/ids.hpp"

namespace martlet::core {

class ShardSet {
public:
    explicit ShardSet(std::size_t shard_count)
        : words_((shard_count + word_bits - 1) / word_bits) {}

    void insert(ShardIndex shard) { words_[shard / word_bits] |= bit(shard); }
    void erase(ShardIndex shard) { words_[shard / word_bits] &= ~bit(shard); }
    bool contains(ShardIndex shard) const { return (words_[shard / word_bits] & bit(shard)) != 0; }

    // The visitor may erase the one it is given. What it inserts may be left for the next walk.
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            for (std::uint64_t rest = words_[i]; rest != 0; rest &= rest - 1) {
                visit(static_cast<ShardIndex>(i * word_bits +
                                              static_cast<unsigned>(std::countr_zero(rest))));
            }
        }
    }

private:
    static constexpr std::size_t word_bits = 64;

    static std::uint64_t bit(ShardIndex shard) { return std::uint64_t{1} << shard % word_bits; }

    std::vector<std::uint64_t> words_;
};

}  // namespace martlet::core
