// Finds whole control packets in a stream of bytes: fixed header and Remaining Length, nothing
// else. Threading: pure functions.
//
// The size limit is applied as soon as the length is known, before any of the body has arrived, so
// a peer cannot make the server reserve memory by announcing it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/byte_reader.hpp"
#include "protocol/packet_type.hpp"
#include "protocol/result.hpp"

namespace martlet::protocol {

// One whole packet, borrowed from the receive buffer.
struct FrameView {
    PacketType type{};
    std::uint8_t flags = 0;  // lower four bits of the first byte, not yet checked against the type
    Bytes body;              // after the fixed header
    Bytes whole;             // fixed header included
};

// What the front of a buffer holds.
struct FrameProgress {
    enum class State : std::uint8_t { whole, need_more } state = State::need_more;
    FrameView frame;             // when whole
    std::size_t size_known = 0;  // when need_more: total size of the packet, 0 while unknown
};

// Looks at the packet at the front of `bytes`. Fails on a Remaining Length of more than four bytes
// (malformed_packet), on packet type 0 (malformed_packet) and on a packet of more than
// `packet_size_max` bytes in all, fixed header included (packet_too_large).
Result<FrameProgress> next_frame(Bytes bytes, std::size_t packet_size_max);

}  // namespace martlet::protocol
