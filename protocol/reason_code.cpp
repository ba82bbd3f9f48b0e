#include "protocol/reason_code.hpp"

#include <array>
#include <cstddef>

namespace martlet::protocol {

namespace {

constexpr std::uint16_t bit(PacketType type) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(type));
}

constexpr std::uint16_t connack = bit(PacketType::connack);
constexpr std::uint16_t puback = bit(PacketType::puback);
constexpr std::uint16_t pubrec = bit(PacketType::pubrec);
constexpr std::uint16_t pubrel = bit(PacketType::pubrel);
constexpr std::uint16_t pubcomp = bit(PacketType::pubcomp);
constexpr std::uint16_t suback = bit(PacketType::suback);
constexpr std::uint16_t unsuback = bit(PacketType::unsuback);
constexpr std::uint16_t disconnect = bit(PacketType::disconnect);
constexpr std::uint16_t auth = bit(PacketType::auth);
constexpr std::uint16_t received = puback | pubrec;   // answers to a PUBLISH
constexpr std::uint16_t released = pubrel | pubcomp;  // the second half of QoS 2

struct Row {
    ReasonCode code;
    std::uint16_t packets;  // those that may carry it
    const char* name;
};

// [v5 section 2.4], and for each packet its own table: [v5 MQTT-3.2.2-8] [v5 MQTT-3.4.2-1]
// [v5 MQTT-3.5.2-1] [v5 MQTT-3.6.2-1] [v5 MQTT-3.7.2-1] [v5 MQTT-3.9.3-2] [v5 MQTT-3.11.3-2]
// [v5 MQTT-3.15.2-1].
using enum ReasonCode;
constexpr Row rows[] = {
    {success, connack | received | released | suback | unsuback | disconnect | auth, "Success"},
    {granted_qos_1, suback, "Granted QoS 1"},
    {granted_qos_2, suback, "Granted QoS 2"},
    {disconnect_with_will, disconnect, "Disconnect with Will Message"},
    {no_matching_subscribers, received, "No matching subscribers"},
    {no_subscription_existed, unsuback, "No subscription existed"},
    {continue_authentication, auth, "Continue authentication"},
    {reauthenticate, auth, "Re-authenticate"},
    {unspecified_error, connack | received | suback | unsuback | disconnect, "Unspecified error"},
    {malformed_packet, connack | disconnect, "Malformed Packet"},
    {protocol_error, connack | disconnect, "Protocol Error"},
    {implementation_specific_error, connack | received | suback | unsuback | disconnect,
     "Implementation specific error"},
    {unsupported_protocol_version, connack, "Unsupported Protocol Version"},
    {client_identifier_not_valid, connack, "Client Identifier not valid"},
    {bad_user_name_or_password, connack, "Bad User Name or Password"},
    {not_authorized, connack | received | suback | unsuback | disconnect, "Not authorized"},
    {server_unavailable, connack, "Server unavailable"},
    {server_busy, connack | disconnect, "Server busy"},
    {banned, connack, "Banned"},
    {server_shutting_down, disconnect, "Server shutting down"},
    {bad_authentication_method, connack | disconnect, "Bad authentication method"},
    {keep_alive_timeout, disconnect, "Keep Alive timeout"},
    {session_taken_over, disconnect, "Session taken over"},
    {topic_filter_invalid, suback | unsuback | disconnect, "Topic Filter invalid"},
    {topic_name_invalid, connack | received | disconnect, "Topic Name invalid"},
    {packet_identifier_in_use, received | suback | unsuback, "Packet Identifier in use"},
    {packet_identifier_not_found, released, "Packet Identifier not found"},
    {receive_maximum_exceeded, disconnect, "Receive Maximum exceeded"},
    {topic_alias_invalid, disconnect, "Topic Alias invalid"},
    {packet_too_large, connack | disconnect, "Packet too large"},
    {message_rate_too_high, disconnect, "Message rate too high"},
    {quota_exceeded, connack | received | suback | disconnect, "Quota exceeded"},
    {administrative_action, disconnect, "Administrative action"},
    {payload_format_invalid, connack | received | disconnect, "Payload format invalid"},
    {retain_not_supported, connack | disconnect, "Retain not supported"},
    {qos_not_supported, connack | disconnect, "QoS not supported"},
    {use_another_server, connack | disconnect, "Use another server"},
    {server_moved, connack | disconnect, "Server moved"},
    {shared_subscriptions_not_supported, suback | disconnect, "Shared Subscriptions not supported"},
    {connection_rate_exceeded, connack | disconnect, "Connection rate exceeded"},
    {maximum_connect_time, disconnect, "Maximum connect time"},
    {subscription_identifiers_not_supported, suback | disconnect,
     "Subscription Identifiers not supported"},
    {wildcard_subscriptions_not_supported, suback | disconnect,
     "Wildcard Subscriptions not supported"},
};

constexpr std::uint8_t no_row = 0xFF;

// From wire value to row, so that looking up costs no search.
constexpr std::array<std::uint8_t, 256> row_of_code = [] {
    std::array<std::uint8_t, 256> index{};
    index.fill(no_row);
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        index[to_wire(rows[i].code)] = static_cast<std::uint8_t>(i);
    }
    return index;
}();

}  // namespace

const char* to_string(ReasonCode code) {
    const std::uint8_t row = row_of_code[to_wire(code)];
    return row == no_row ? "unknown reason code" : rows[row].name;
}

bool allows(ReasonCode code, PacketType packet) {
    const std::uint8_t row = row_of_code[to_wire(code)];
    return row != no_row && (rows[row].packets & bit(packet)) != 0;
}

std::uint8_t to_v3_return_code(ReasonCode code) {
    switch (code) {
        case success:
            return 0;
        case unsupported_protocol_version:
            return 1;
        case client_identifier_not_valid:
            return 2;
        case bad_user_name_or_password:
            return 4;
        // Refused for who or what the client is: trying again will not help.
        case not_authorized:
        case banned:
        case bad_authentication_method:
        case topic_name_invalid:
        case packet_too_large:
        case payload_format_invalid:
        case retain_not_supported:
        case qos_not_supported:
            return 5;
        // Everything else is the server's state; later, or elsewhere, it may work.
        default:
            return 3;
    }
}

}  // namespace martlet::protocol
