// AUTH (v5): one step of enhanced authentication.
// Ownership: views borrow. Threading: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/result.hpp"

namespace martlet::protocol {

struct AuthView {
    ReasonCode reason = ReasonCode::success;
    std::optional<std::string_view> method;
    std::optional<Bytes> data;
    std::optional<std::string_view> reason_string;
};

[[nodiscard]] Result<AuthView> decode_auth(const FrameView& frame);
std::size_t encoded_size(const AuthView& packet);
void encode(const AuthView& packet, ByteWriter& out);

}  // namespace martlet::protocol
