// Checksums of what lies on disk: one for each row and one for each page of the database.
//
// They find damage (flipped bits, misplaced sectors), not forgery: the keys are fixed. The values
// are on disk, so this file never changes what it computes; a change needs a migration that writes
// every row anew. Steps are TextHash's: two words multiplied to 128 bits, the halves folded.
// Ownership: borrows what it reads. Threading: its caller's thread only.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace martlet::store {

static_assert(std::endian::native == std::endian::little, "words are hashed as they lie on disk");

// Takes the columns of a row, in order. Each is told apart by its kind and length.
class RowHash {
public:
    void null() { mix(0, key_null); }
    void integer(std::int64_t value) { mix(static_cast<std::uint64_t>(value), key_integer); }
    void bytes(std::span<const std::byte> value) {
        const std::byte* next = value.data();
        std::size_t left = value.size();
        for (; left > 16; next += 16, left -= 16) {
            state_ = fold(load(next) ^ key_low, load(next + 8) ^ state_);
        }
        std::uint64_t tail[2] = {0, 0};
        if (left != 0) {
            std::memcpy(tail, next, left);
        }
        state_ = fold(tail[0] ^ key_low, tail[1] ^ state_);
        mix(value.size(), key_bytes);
    }

    std::int64_t value() const { return static_cast<std::int64_t>(fold(state_, key_null)); }

    // Of a page: four lanes, since one would wait for each multiplication. `size` is a multiple of
    // 8; the number of the page tells apart the same bytes in the wrong place.
    static std::uint64_t page(const std::byte* bytes, std::size_t size, std::uint64_t number) {
        std::uint64_t lanes[4] = {key_null ^ number, key_integer, key_bytes, key_low};
        std::size_t at = 0;
        for (; at + 64 <= size; at += 64) {
            for (std::size_t lane = 0; lane < 4; ++lane) {
                const std::byte* const words = bytes + at + lane * 16;
                lanes[lane] = fold(load(words) ^ key_low, load(words + 8) ^ lanes[lane]);
            }
        }
        for (; at + 8 <= size; at += 8) {
            lanes[0] = fold(load(bytes + at) ^ key_low, key_bytes ^ lanes[0]);
        }
        return fold(fold(lanes[0] ^ key_low, lanes[1]), fold(lanes[2] ^ key_integer, lanes[3]));
    }

private:
    static constexpr std::uint64_t key_null = 0x9E3779B97F4A7C15;
    static constexpr std::uint64_t key_integer = 0xD6E8FEB86659FD93;
    static constexpr std::uint64_t key_bytes = 0xA0761D6478BD642F;
    static constexpr std::uint64_t key_low = 0xE7037ED1A0B428DB;

    static std::uint64_t load(const std::byte* bytes) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, sizeof word);
        return word;
    }
    static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
    }
    void mix(std::uint64_t word, std::uint64_t key) { state_ = fold(word ^ key, state_ ^ key_low); }

    std::uint64_t state_ = key_bytes;
};

}  // namespace martlet::store
