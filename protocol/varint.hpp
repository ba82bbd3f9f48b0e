// Variable Byte Integers: seven bits a byte, least significant first.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace martlet::protocol {

inline constexpr std::uint32_t varint_max = 268'435'455;  // four bytes

constexpr std::size_t varint_size(std::uint32_t value) {
    return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

}  // namespace martlet::protocol
