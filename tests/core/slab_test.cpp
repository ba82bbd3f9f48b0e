#include "server/core/slab.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "server/core/compact_text.hpp"
#include "tests/support/random.hpp"

namespace martlet::core {
namespace {

TEST_CASE("a slab keeps records in place while it grows") {
    Slab<std::string> slab;
    const auto first = slab.allocate("first");
    const std::string* address = &slab[first];
    for (int i = 0; i < 40'000; ++i) {
        slab.allocate("another");
    }
    CHECK(&slab[first] == address);
    CHECK(slab[first] == "first");
    CHECK(slab.size() == 40'001);
}

TEST_CASE("a slab behaves as a map under random use") {
    MARTLET_SEEDED(random);
    Slab<std::string> slab;
    std::map<std::uint32_t, std::string> model;
    for (int step = 0; step < 60'000; ++step) {
        const bool grows = (step / 15'000) % 2 == 0;
        if (model.empty() || (random.chance(8) ? !grows : grows)) {
            const std::string value = std::to_string(step) + std::string(random.below(30), 'x');
            const auto id = slab.allocate(value);
            REQUIRE(model.emplace(id, value).second);
        } else {
            auto at = model.lower_bound(static_cast<std::uint32_t>(random.below(20'000)));
            at = at == model.end() ? model.begin() : at;
            REQUIRE(slab[at->first] == at->second);
            slab.release(at->first);
            model.erase(at);
        }
        REQUIRE(slab.size() == model.size());
    }
    for (const auto& [id, value] : model) {
        REQUIRE(slab[id] == value);
    }
}

TEST_CASE("a slab gives memory back after a peak and its ids can be used again") {
    Slab<std::string> slab;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        REQUIRE(slab.allocate("x") == i);
    }
    const std::size_t peak = slab.memory_size();
    for (std::uint32_t i = 1000; i < 100'000; ++i) {
        slab.release(i);
    }
    CHECK(slab.memory_size() < peak / 2);
    std::map<std::uint32_t, int> ids;
    for (int i = 0; i < 99'000; ++i) {
        ++ids[slab.allocate("y")];
    }
    CHECK(ids.size() == 99'000);
    CHECK(ids.begin()->first >= 1000);
    CHECK(slab.memory_size() <= peak + peak / 4);
}

TEST_CASE("a compact text holds texts of every length") {
    for (const std::size_t size : {0U, 1U, 14U, 15U, 16U, 17U, 46U, 47U, 48U, 49U, 65'535U}) {
        CAPTURE(size);
        const std::string text(size, 'x');
        const CompactText<16> small(text);
        const CompactText<48> large(text);
        CHECK(small.view() == text);
        CHECK(large.view() == text);
        CHECK((small.memory_size() == 0) == (size < 16));
        CHECK((large.memory_size() == 0) == (size < 48));
    }
}

}  // namespace
}  // namespace martlet::core
