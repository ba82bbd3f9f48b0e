// SUBACK and UNSUBACK: one code for each filter asked about.
// Ownership: views borrow. Threading: pure functions.
#pragma once

#include <span>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet_id.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

struct SubackView {
    PacketType type = PacketType::suback;  // or unsuback
    PacketId packet_id = PacketId::none;
    std::span<const ReasonCode> codes;  // in the order of the request [v3.1.1 MQTT-3.9.3-1]
};

// In 3.1.1 every error code of a SUBACK is put as 0x80, and an UNSUBACK has no codes at all.
std::size_t encoded_size(const SubackView& packet, Version version);
void encode(const SubackView& packet, Version version, ByteWriter& out);

// Client side, for tests and tools: `codes` of the result points into the frame.
[[nodiscard]] Result<SubackView> decode_suback(const FrameView& frame, Version version);

}  // namespace martlet::protocol
