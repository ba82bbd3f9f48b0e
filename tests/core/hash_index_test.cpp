#include "server/core/hash_index.hpp"

#include <doctest/doctest.h>

#include <set>
#include <utility>
#include <vector>

#include "server/core/text_hash.hpp"
#include "tests/support/random.hpp"

namespace martlet::core {
namespace {

std::uint32_t find(const HashIndex& index, std::uint32_t hash, std::uint32_t id) {
    return index.find(hash, [&](std::uint32_t found) { return found == id; });
}

TEST_CASE("a hash index tells records with the same hash apart") {
    HashIndex index;
    index.insert(77, 1);
    index.insert(77, 2);
    CHECK(find(index, 77, 1) == 1);
    CHECK(find(index, 77, 2) == 2);
    CHECK(find(index, 77, 3) == HashIndex::none);
    index.erase(77, 1);
    CHECK(find(index, 77, 1) == HashIndex::none);
    CHECK(find(index, 77, 2) == 2);
    CHECK(index.size() == 1);
}

TEST_CASE("a hash index behaves as a set under random use") {
    MARTLET_SEEDED(random);
    for (const std::uint32_t spread : {1U, 16U, 0xFFFFU, 0x10000000U}) {
        HashIndex index;
        std::set<std::pair<std::uint32_t, std::uint32_t>> model;
        for (int step = 0; step < 30'000; ++step) {
            // Hashes that collide, lie in one table, or in all of them.
            const auto hash = static_cast<std::uint32_t>(random.below(16)) * spread;
            const auto id = static_cast<std::uint32_t>(random.below(40));
            const bool is_there = model.contains({hash, id});
            REQUIRE(find(index, hash, id) == (is_there ? id : HashIndex::none));
            if (is_there) {
                index.erase(hash, id);
                model.erase({hash, id});
            } else if ((step / 3000) % 2 == 0 || random.chance(4)) {
                index.insert(hash, id);
                model.insert({hash, id});
            }
            REQUIRE(index.size() == model.size());
        }
        for (const auto& [hash, id] : model) {
            REQUIRE(find(index, hash, id) == id);
            index.erase(hash, id);
        }
        CHECK(index.memory_size() == 0);
    }
}

TEST_CASE("a hash index of many entries is at least half full and gives memory back") {
    const TextHash hash(1);
    HashIndex index;
    std::vector<std::uint32_t> hashes;
    for (std::uint32_t id = 0; id < 200'000; ++id) {
        hashes.push_back(hash.path(id, 0));
        index.insert(hashes.back(), id);
    }
    CHECK(index.memory_size() <= 200'000 * 16);
    for (std::uint32_t id = 0; id < 199'000; ++id) {
        index.erase(hashes[id], id);
    }
    for (std::uint32_t id = 199'000; id < 200'000; ++id) {
        REQUIRE(find(index, hashes[id], id) == id);
    }
    CHECK(index.memory_size() <= 1000 * 8 * 8);
}

TEST_CASE("a text hash depends on the seed and on every byte") {
    const TextHash hash(1);
    const TextHash other(2);
    std::set<std::uint64_t> seen;
    std::size_t texts = 0;
    for (std::size_t size = 0; size <= 70; ++size) {
        std::string text(size, 'x');
        CHECK(hash(text) != other(text));
        seen.insert(hash(text));
        ++texts;
        for (std::size_t i = 0; i < size; ++i) {
            text[i] = 'y';
            seen.insert(hash(text));
            ++texts;
            text[i] = 'x';
        }
    }
    CHECK(seen.size() == texts);
}

}  // namespace
}  // namespace martlet::core
