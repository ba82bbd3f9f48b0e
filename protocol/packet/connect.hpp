// CONNECT: the client's request for a Network Connection and a Session.
// Ownership: views borrow the receive buffer. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/byte_reader.hpp"
#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/qos.hpp"
#include "protocol/result.hpp"
#include "protocol/version.hpp"

namespace martlet::protocol {

struct WillView {
    QoS qos{};
    bool retain = false;
    std::string_view topic;  // a valid Topic Name
    Bytes payload;
    // v5. Will Delay Interval, seconds.
    std::uint32_t delay_interval_s = 0;
    std::optional<std::uint32_t> message_expiry_interval_s;
    bool payload_is_utf8 =
        false;  // v5 Payload Format Indicator 1 (the payload is not checked here)
    // v5. The properties that go on to subscribers: the whole will property block. Will Delay
    // Interval and Message Expiry Interval stand in it too; see forwarded_properties() in
    // publish.hpp.
    Bytes properties;
};

struct ConnectView {
    Version version{};
    bool clean_start = true;  // Clean Session in 3.1.1
    std::uint16_t keep_alive_s = 0;
    std::string_view client_id;  // may be empty
    std::optional<WillView> will;
    std::optional<std::string_view> user_name;
    std::optional<Bytes> password;
    // v5 only; defaults are those of the specification.
    std::uint32_t session_expiry_interval_s = 0;  // 0xFFFFFFFF: never
    std::uint16_t receive_maximum = 65'535;
    std::uint32_t maximum_packet_size = 0;  // 0: not given, no limit
    std::uint16_t topic_alias_maximum = 0;
    bool request_response_information = false;
    bool request_problem_information = true;
    std::optional<std::string_view> authentication_method;
    std::optional<Bytes> authentication_data;
};

// Reason of an error: unsupported_protocol_version for a known protocol name with an unknown level
// [v3.1.1 MQTT-3.1.2-2], otherwise malformed_packet / protocol_error (and topic_name_invalid for
// the Will Topic). `version_seen`, when not null, is set as soon as the level is known, also on
// later errors, so that the refusal can be put in the client's own version; an unknown protocol
// name or level leaves it as it was. In 3.1 a user name or password may be missing at the end in
// spite of its flag, as that version permits.
[[nodiscard]] Result<ConnectView> decode_connect(const FrameView& frame,
                                                 std::optional<Version>* version_seen);

// Client side, for tests and tools.
std::size_t encoded_size(const ConnectView& packet);
void encode(const ConnectView& packet, ByteWriter& out);

}  // namespace martlet::protocol
