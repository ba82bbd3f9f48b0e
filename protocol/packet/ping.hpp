// PINGREQ and PINGRESP: two fixed bytes each.
// Threading: pure functions.
#pragma once

#include <array>
#include <cstddef>

#include "protocol/frame_decoder.hpp"
#include "protocol/result.hpp"

namespace martlet::protocol {

inline constexpr std::array<std::byte, 2> pingreq_bytes{std::byte{0xC0}, std::byte{0}};
inline constexpr std::array<std::byte, 2> pingresp_bytes{std::byte{0xD0}, std::byte{0}};

// Flags 0 and an empty body, or an error.
[[nodiscard]] Result<void> check_pingreq(const FrameView& frame);

}  // namespace martlet::protocol
