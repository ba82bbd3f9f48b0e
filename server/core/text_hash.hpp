// A fast keyed hash of short text, for tables whose keys strangers choose.
//
// Each step multiplies two 64-bit words to 128 bits and folds the halves together (the idea of
// wyhash). Both factors are masked with keys drawn from the broker's seed, so that without knowing
// the seed neither collisions nor a factor of zero can be provoked.
// Ownership: none. Threading: immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace martlet::core {

class TextHash {
public:
    explicit TextHash(std::uint64_t seed);

    std::uint64_t operator()(std::string_view text) const {
        const char* p = text.data();
        std::size_t size = text.size();
        std::uint64_t state = keys_[0];
        while (size > 16) {
            state = fold(load(p, 8) ^ keys_[1], load(p + 8, 8) ^ state);
            p += 16;
            size -= 16;
        }
        std::uint64_t low = 0;
        std::uint64_t high = 0;
        if (size >= 8) {  // the two loads overlap
            low = load(p, 8);
            high = load(p + size - 8, 8);
        } else if (size >= 4) {
            low = load(p, 4);
            high = load(p + size - 4, 4);
        } else if (size > 0) {
            low = byte(p[0]) | byte(p[size / 2]) << 8U | byte(p[size - 1]) << 16U;
        }
        // The length tells apart what the overlapping loads do not.
        return fold(fold(low ^ keys_[2], high ^ state), text.size() ^ keys_[3]);
    }

    // Of a path of levels: `parent` is the hash of all but the last, `level` that one's own.
    std::uint32_t path(std::uint32_t parent, std::uint64_t level) const {
        return static_cast<std::uint32_t>(fold(level ^ keys_[1], parent ^ keys_[2]) >> 32U);
    }

private:
    static std::uint64_t byte(char c) { return static_cast<unsigned char>(c); }
    static std::uint64_t load(const char* p, std::size_t size) {
        if (size == 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, p, sizeof word);
            return word;
        }
        std::uint32_t word = 0;
        std::memcpy(&word, p, sizeof word);
        return word;
    }
    static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
    }

    std::uint64_t keys_[4];
};

}  // namespace martlet::core
