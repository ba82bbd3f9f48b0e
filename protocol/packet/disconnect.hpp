// DISCONNECT: the last packet of a Network Connection, from either side in v5.
// Ownership: views borrow. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

struct DisconnectView {
    ReasonCode reason = ReasonCode::success;
    std::optional<std::uint32_t> session_expiry_interval_s;
    std::optional<std::string_view> reason_string;
    std::optional<std::string_view> server_reference;
};

// A reason code that a client may not send is a protocol_error.
[[nodiscard]] Result<DisconnectView> decode_disconnect(const FrameView& frame, Version version);
// The same for what a server may send (v5); for bridges, tests and tools.
[[nodiscard]] Result<DisconnectView> decode_disconnect_from_server(const FrameView& frame);
// v5 only: 3.1.1 servers close without a packet.
std::size_t encoded_size(const DisconnectView& packet);
void encode(const DisconnectView& packet, ByteWriter& out);

}  // namespace martlet::protocol
