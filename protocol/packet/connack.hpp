// CONNACK: the server's answer to CONNECT.
// Ownership: views borrow. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/qos.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

struct ConnackView {
    bool session_present = false;
    ReasonCode reason = ReasonCode::success;  // put as a return code in 3.1.1
    // v5 only. Absent fields are not sent.
    std::optional<std::uint32_t> session_expiry_interval_s;
    std::optional<std::uint16_t> receive_maximum;
    std::optional<QoS> maximum_qos;
    std::optional<bool> retain_available;
    std::optional<std::uint32_t> maximum_packet_size;
    std::optional<std::string_view> assigned_client_identifier;
    std::optional<std::uint16_t> topic_alias_maximum;
    std::optional<std::string_view> reason_string;
    std::optional<bool> wildcard_subscription_available;
    std::optional<bool> subscription_identifier_available;
    std::optional<bool> shared_subscription_available;
    std::optional<std::uint16_t> server_keep_alive_s;
    std::optional<std::string_view> response_information;
    std::optional<std::string_view> server_reference;
    std::optional<std::string_view> authentication_method;
    std::optional<Bytes> authentication_data;
    Bytes user_properties;  // encoded user properties, as they are
};

[[nodiscard]] Result<ConnackView> decode_connack(const FrameView& frame, Version version);
std::size_t encoded_size(const ConnackView& packet, Version version);
void encode(const ConnackView& packet, Version version, ByteWriter& out);

}  // namespace martlet::protocol
