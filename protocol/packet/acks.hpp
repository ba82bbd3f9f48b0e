// PUBACK, PUBREC, PUBREL and PUBCOMP: four packets of one shape.
// Ownership: views borrow. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet_id.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

struct AckView {
    PacketType type{};  // puback, pubrec, pubrel or pubcomp
    PacketId packet_id = PacketId::none;
    ReasonCode reason = ReasonCode::success;  // v5
    std::optional<std::string_view> reason_string;
};

// Flags must be 0 (2 for PUBREL) [v3.1.1 MQTT-3.6.1-1]; reason code and properties may be left out
// in v5. A reason code that the packet may not carry is a protocol_error.
[[nodiscard]] Result<AckView> decode_ack(const FrameView& frame, Version version);
std::size_t encoded_size(const AckView& packet, Version version);
void encode(const AckView& packet, Version version, ByteWriter& out);

}  // namespace martlet::protocol
