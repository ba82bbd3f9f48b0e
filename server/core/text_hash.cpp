#include "server/core/text_hash.hpp"

namespace martlet::core {

// SplitMix64: keys that differ in all their bits from any seed, 0 included.
TextHash::TextHash(std::uint64_t seed) {
    for (std::uint64_t& key : keys_) {
        seed += 0x9E3779B97F4A7C15;
        std::uint64_t word = seed;
        word = (word ^ (word >> 30U)) * 0xBF58476D1CE4E5B9;
        word = (word ^ (word >> 27U)) * 0x94D049BB133111EB;
        key = word ^ (word >> 31U);
    }
}

}  // namespace martlet::core
