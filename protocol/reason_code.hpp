// MQTT 5 reason codes and the CONNACK return codes of 3.1.1.
// Threading: immutable.
#pragma once

#include <cstdint>

#include "protocol/packet_type.hpp"

namespace martlet::protocol {

// One enumerator per byte value; where the specification gives one value several names (0x00 is
// Success, Normal disconnection, Granted QoS 0), the packet says which name is meant.
enum class ReasonCode : std::uint8_t {
    success = 0x00,
    granted_qos_1 = 0x01,
    granted_qos_2 = 0x02,
    disconnect_with_will = 0x04,
    no_matching_subscribers = 0x10,
    no_subscription_existed = 0x11,
    continue_authentication = 0x18,
    reauthenticate = 0x19,
    unspecified_error = 0x80,
    malformed_packet = 0x81,
    protocol_error = 0x82,
    implementation_specific_error = 0x83,
    unsupported_protocol_version = 0x84,
    client_identifier_not_valid = 0x85,
    bad_user_name_or_password = 0x86,
    not_authorized = 0x87,
    server_unavailable = 0x88,
    server_busy = 0x89,
    banned = 0x8A,
    server_shutting_down = 0x8B,
    bad_authentication_method = 0x8C,
    keep_alive_timeout = 0x8D,
    session_taken_over = 0x8E,
    topic_filter_invalid = 0x8F,
    topic_name_invalid = 0x90,
    packet_identifier_in_use = 0x91,
    packet_identifier_not_found = 0x92,
    receive_maximum_exceeded = 0x93,
    topic_alias_invalid = 0x94,
    packet_too_large = 0x95,
    message_rate_too_high = 0x96,
    quota_exceeded = 0x97,
    administrative_action = 0x98,
    payload_format_invalid = 0x99,
    retain_not_supported = 0x9A,
    qos_not_supported = 0x9B,
    use_another_server = 0x9C,
    server_moved = 0x9D,
    shared_subscriptions_not_supported = 0x9E,
    connection_rate_exceeded = 0x9F,
    maximum_connect_time = 0xA0,
    subscription_identifiers_not_supported = 0xA1,
    wildcard_subscriptions_not_supported = 0xA2,
};

constexpr std::uint8_t to_wire(ReasonCode code) {
    return static_cast<std::uint8_t>(code);
}

constexpr bool is_error(ReasonCode code) {
    return to_wire(code) >= 0x80;
}

// The specification's name of the code, e.g. "Session taken over".
const char* to_string(ReasonCode code);

// Whether this code may stand in this packet (the table of [v5 section 2.4]).
bool allows(ReasonCode code, PacketType packet);

// CONNACK return codes of 3.1 and 3.1.1 (0 accepted, 1 protocol level, 2 identifier rejected,
// 3 server unavailable, 4 bad user name or password, 5 not authorized). They are few: reasons that
// lie with the client become 5, all others 3. A malformed CONNECT gets no CONNACK at all in 3.1.1
// [v3.1.1 MQTT-3.1.4-1], so what is returned for it does not matter.
std::uint8_t to_v3_return_code(ReasonCode code);

}  // namespace martlet::protocol
