// What every fuzz target has: libFuzzer, or tests/support/fuzz_driver.cpp without it, calls
// LLVMFuzzerTestOneInput with one input after the other. A target returns if it is content and
// aborts (FUZZ_CHECK) if not. Threading: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/assert.hpp"
#include "protocol/byte_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#define FUZZ_CHECK(condition) MARTLET_ASSERT(condition)

namespace martlet::fuzz {

inline protocol::Bytes bytes_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const std::byte*>(data), size};
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace martlet::fuzz
