// Byte tests on eight bytes at once ("SIMD within a register"), for text that every message passes
// through. Threading: pure functions.
//
// The trick behind all of them: in `x - 0x01..01` the top bit of a byte below 0x80 gets set only if
// the byte was zero, or if a zero byte further down borrowed from it. So "some byte is zero" is
// exact for a word of such bytes, and xor turns "equals c" into "is zero".
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace martlet::protocol::swar {

inline constexpr std::uint64_t ones = 0x0101010101010101;
inline constexpr std::uint64_t tops = 0x8080808080808080;

template <class Word>
Word load(const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

// True if every byte of `word` is ASCII and none is U+0000.
constexpr bool is_plain_ascii(std::uint64_t word) {
    return ((word | (word - ones)) & tops) == 0;
}

// Zero in every byte that is '+' or '#'. The two differ in one bit only (0x2B, 0x23), so setting
// that bit makes one comparison of two.
constexpr std::uint64_t zero_where_wildcard(std::uint64_t word) {
    return (word | 8 * ones) ^ '+' * ones;
}

// As is_plain_ascii(), and no byte is '+' or '#'.
constexpr bool is_plain_topic(std::uint64_t word) {
    return ((word | (word - ones) | (zero_where_wildcard(word) - ones)) & tops) == 0;
}

// For any bytes: those of 0x80 and above must not count as borrowing.
constexpr bool has_no_wildcard(std::uint64_t word) {
    const std::uint64_t x = zero_where_wildcard(word);
    return ((x - ones) & ~x & tops) == 0;
}

// Whether all of a text passes a word test that holds for a text if it holds for its parts. The
// last word overlaps the one before; texts of less than eight bytes are put together from
// overlapping halves, which repeats bytes but adds none.
template <class Test>
inline bool all_words(const char* text, std::size_t size, Test test) {
    if (size >= 8) {
        const char* const last = text + size - 8;
        for (; text < last; text += 8) {
            if (!test(load<std::uint64_t>(text))) {
                return false;
            }
        }
        return test(load<std::uint64_t>(last));
    }
    if (size >= 4) {
        const std::uint64_t front = load<std::uint32_t>(text);
        const std::uint64_t back = load<std::uint32_t>(text + size - 4);
        return test(front | back << 32);
    }
    if (size == 0) {
        return true;
    }
    const std::uint64_t first = static_cast<unsigned char>(text[0]);
    const std::uint64_t middle = static_cast<unsigned char>(text[size / 2]);
    const std::uint64_t final = static_cast<unsigned char>(text[size - 1]);
    return test(first * 0x0101010101010000 | middle << 8 | final);
}

}  // namespace martlet::protocol::swar
