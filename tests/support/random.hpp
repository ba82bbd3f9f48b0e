// Seeded randomness for property tests. The seed is new in each run, printed when a test fails, and
// taken from MARTLET_SEED to see the same run again.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace martlet::test {

inline std::uint64_t seed() {
    static const std::uint64_t value = [] {
        const char* given = std::getenv("MARTLET_SEED");
        return given != nullptr ? std::strtoull(given, nullptr, 10)
                                : std::uint64_t{std::random_device()()};
    }();
    return value;
}

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    // 0 .. bound-1.
    std::uint64_t below(std::uint64_t bound) {
        return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(engine_);
    }
    std::size_t index(std::size_t size) { return static_cast<std::size_t>(below(size)); }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    template <class Container>
    auto& pick(Container& from) {
        return from[index(from.size())];
    }

private:
    std::mt19937_64 engine_;
};

}  // namespace martlet::test

// At the top of a property test: every failure below names the seed.
#define MARTLET_SEEDED(random)                             \
    ::martlet::test::Random random(martlet::test::seed()); \
    INFO("MARTLET_SEED=" << martlet::test::seed())
