// What all packets share at their front: checked on the way in, written on the way out.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/assert.hpp"
#include "protocol/byte_reader.hpp"
#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet_id.hpp"
#include "protocol/result.hpp"
#include "protocol/varint.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

// Remaining Length is a Variable Byte Integer in v5, of as few bytes as possible [v5 MQTT-1.5.5-1];
// 3.1.1 has no such rule, and devices that pad it exist.
inline bool has_valid_length(const FrameView& frame, Version version) {
    return frame.length_is_minimal || !is_v5(version);
}

// The reserved flags of every packet but PUBLISH, and the length.
[[nodiscard]] inline Result<void> check_fixed_header(const FrameView& frame,
                                                     std::uint8_t flags_expected, Version version) {
    unsigned flags = frame.flags;
    if (version == Version::v3_1 && flags_expected != 0) {
        flags &= 0x07;  // 3.1 has PUBREL, SUBSCRIBE and UNSUBSCRIBE re-sent with DUP set
    }
    if (flags != flags_expected) {  // [v3.1.1 MQTT-2.2.2-2] [v5 MQTT-2.1.3-1]
        return fail(ReasonCode::malformed_packet, "reserved flags of the fixed header are wrong");
    }
    if (!has_valid_length(frame, version)) {
        return fail(ReasonCode::malformed_packet, "remaining length is longer than needed");
    }
    return {};
}

// How SUBSCRIBE and UNSUBSCRIBE go on.
struct PacketStart {
    PacketId packet_id{};
    Bytes properties;  // v5: the block, without its length
};
[[nodiscard]] inline Result<PacketStart> read_start(ByteReader& reader, Version version) {
    PacketStart start;
    start.packet_id = PacketId{reader.u16()};
    start.properties = is_v5(version) ? reader.bytes(reader.varint()) : Bytes{};
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    // [v3.1.1 MQTT-2.3.1-1] [v5 MQTT-2.2.1-3]
    if (start.packet_id == PacketId::none) {
        return fail(ReasonCode::protocol_error, "packet identifier is 0");
    }
    return start;
}

inline std::size_t packet_size(std::size_t body_size) {
    MARTLET_ASSERT(body_size <= varint_max);
    return 1 + varint_size(static_cast<std::uint32_t>(body_size)) + body_size;
}

inline void put_fixed_header(ByteWriter& out, PacketType type, unsigned flags,
                             std::size_t body_size) {
    MARTLET_ASSERT(body_size <= varint_max);
    out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
    out.varint(static_cast<std::uint32_t>(body_size));
}

}  // namespace martlet::protocol
