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
    // Whether Remaining Length came in as few bytes as possible. MQTT 5 requires it, 3.1.1 does
    // not, and here the version is not known yet: the decoders of the packets look.
    bool length_is_minimal = true;
    Bytes body;   // after the fixed header
    Bytes whole;  // fixed header included
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
[[nodiscard]] inline Result<FrameProgress> next_frame(Bytes bytes, std::size_t packet_size_max) {
    FrameProgress progress;
    if (bytes.empty()) {
        return progress;
    }
    const unsigned first = std::to_integer<unsigned>(bytes[0]);
    if (first >> 4 == 0) {
        return fail(ReasonCode::malformed_packet, "packet type 0 is reserved");
    }
    std::size_t length = 0;
    std::size_t header_size = 1;
    unsigned byte = 0;
    do {
        if (header_size == 5) {
            return fail(ReasonCode::malformed_packet, "remaining length has more than four bytes");
        }
        if (header_size == bytes.size()) {
            return progress;
        }
        byte = std::to_integer<unsigned>(bytes[header_size]);
        length |= static_cast<std::size_t>(byte & 0x7F) << (7 * (header_size - 1));
        ++header_size;
    } while (byte >= 0x80);
    const std::size_t size = header_size + length;
    if (size > packet_size_max) {
        return fail(ReasonCode::packet_too_large, "packet is larger than permitted");
    }
    if (bytes.size() < size) {
        progress.size_known = size;
        return progress;
    }
    progress.state = FrameProgress::State::whole;
    progress.frame.type = static_cast<PacketType>(first >> 4);
    progress.frame.flags = static_cast<std::uint8_t>(first & 0x0F);
    progress.frame.length_is_minimal = header_size == 2 || byte != 0;
    progress.frame.body = bytes.subspan(header_size, length);
    progress.frame.whole = bytes.first(size);
    return progress;
}

}  // namespace martlet::protocol
