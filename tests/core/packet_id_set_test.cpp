#include "server/core/packet_id_set.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/random.hpp"

namespace martlet::core {
namespace {

using protocol::PacketId;

PacketId id(std::uint64_t number) {
    return static_cast<PacketId>(number);
}

TEST_CASE("a packet id is in the set from insertion to erasure") {
    PacketIdSet set;
    CHECK(set.insert(id(7)));
    CHECK_FALSE(set.insert(id(7)));
    CHECK(set.contains(id(7)));
    CHECK_FALSE(set.contains(id(8)));
    CHECK(set.size() == 1);
    CHECK(set.erase(id(7)));
    CHECK_FALSE(set.erase(id(7)));
    CHECK(set.empty());
}

TEST_CASE("an empty packet id set owns no memory before and after use") {
    PacketIdSet set;
    CHECK(set.memory_size() == 0);
    for (unsigned i = 1; i <= 65'535; ++i) {
        set.insert(id(i));
    }
    CHECK(set.size() == 65'535);
    CHECK(set.memory_size() == 8192);
    CHECK_FALSE(set.insert(id(65'535)));
    for (unsigned i = 1; i <= 65'535; ++i) {
        REQUIRE(set.erase(id(i)));
    }
    CHECK(set.memory_size() == 0);
    set.insert(id(1));
    set.clear();
    CHECK(set.memory_size() == 0);
    CHECK_FALSE(set.contains(id(1)));
}

TEST_CASE("a packet id set behaves as std::set under random use") {
    MARTLET_SEEDED(random);
    for (const std::uint64_t range : {20U, 300U, 3000U, 65'535U}) {
        PacketIdSet set;
        std::set<std::uint64_t> model;
        for (int step = 0; step < 20'000; ++step) {
            const bool grows = (step / 5000) % 2 == 0;
            const std::uint64_t number = 1 + random.below(range);
            if (random.chance(10) ? !grows : grows) {
                REQUIRE(set.insert(id(number)) == model.insert(number).second);
            } else {
                REQUIRE(set.erase(id(number)) == (model.erase(number) != 0));
            }
            const std::uint64_t other = 1 + random.below(range);
            REQUIRE(set.contains(id(other)) == model.contains(other));
            REQUIRE(set.size() == model.size());
        }
        PacketIdSet moved = std::move(set);
        for (const std::uint64_t number : model) {
            REQUIRE(moved.contains(id(number)));
        }
    }
}

}  // namespace
}  // namespace martlet::core
