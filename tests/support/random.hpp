// A small seeded generator for property tests: the same seed gives the same inputs on every
// machine. Threading: its caller's thread only.
//
// A test begins with MARTLET_SEEDED(random), so that a failure prints `MARTLET_SEED=...`, which
// replays it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace martlet::testing {

inline std::uint64_t seed_for_this_run() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment of a test.
    if (const char* const given = std::getenv("MARTLET_SEED")) {
        return std::strtoull(given, nullptr, 0);
    }
    return std::random_device{}();
}

inline std::string replay_hint(std::uint64_t seed) {
    return "replay with MARTLET_SEED=" + std::to_string(seed);
}

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    // SplitMix64: every seed is as good as any other, neighbours included.
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    // 0 to `end` - 1.
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(next() % end); }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }
    template <class Container>
    auto& pick(Container& from) {
        return from[below(from.size())];
    }

    template <class T>
    T number() {
        // Limits are where mistakes are, so they come up often.
        switch (below(4)) {
            case 0:
                return static_cast<T>(below(3));
            case 1:
                return static_cast<T>(~T{0} - static_cast<T>(below(3)));
            default:
                return static_cast<T>(next());
        }
    }

    std::vector<std::byte> bytes(std::size_t size_max) {
        std::vector<std::byte> made(below(size_max + 1));
        for (std::byte& byte : made) {
            byte = static_cast<std::byte>(next());
        }
        return made;
    }

    // Well-formed UTF-8 of characters taken from `alphabet`.
    std::string text(std::size_t length_max, const std::vector<std::string>& alphabet) {
        std::string made;
        for (std::size_t length = below(length_max + 1); length > 0; --length) {
            made += alphabet[below(alphabet.size())];
        }
        return made;
    }

private:
    std::uint64_t state_;
};

}  // namespace martlet::testing

// At the top of a doctest case: every failure below names the seed.
#define MARTLET_SEEDED(random)                                                  \
    const std::uint64_t martlet_seed = ::martlet::testing::seed_for_this_run(); \
    ::martlet::testing::Random random(martlet_seed);                            \
    INFO("replay with MARTLET_SEED=" << martlet_seed)
