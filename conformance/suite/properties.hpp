// MQTT 5's properties: identifiers, their wire types, and where a server may send which.
//
// Ownership: values. Threading: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conformance/suite/bytes.hpp"

namespace martlet::conformance {

enum class PropertyId : std::uint8_t {
    payload_format = 0x01,
    message_expiry = 0x02,
    content_type = 0x03,
    response_topic = 0x08,
    correlation_data = 0x09,
    subscription_identifier = 0x0B,
    session_expiry = 0x11,
    assigned_client_id = 0x12,
    server_keep_alive = 0x13,
    authentication_method = 0x15,
    authentication_data = 0x16,
    request_problem_information = 0x17,
    will_delay = 0x18,
    request_response_information = 0x19,
    response_information = 0x1A,
    server_reference = 0x1C,
    reason_string = 0x1F,
    receive_maximum = 0x21,
    topic_alias_maximum = 0x22,
    topic_alias = 0x23,
    maximum_qos = 0x24,
    retain_available = 0x25,
    user_property = 0x26,
    maximum_packet_size = 0x27,
    wildcard_available = 0x28,
    subscription_identifiers_available = 0x29,
    shared_available = 0x2A,
};

// `number` or `text` by the identifier's type; a User Property is the pair (text, value).
struct Property {
    PropertyId id{};
    std::uint32_t number = 0;
    std::string text{};
    std::string value{};

    friend bool operator==(const Property&, const Property&) = default;
};

using Properties = std::vector<Property>;

Property number(PropertyId id, std::uint32_t value);
Property text(PropertyId id, std::string value);
Property user(std::string name, std::string value);

Bytes encode(const Property& property);
// With the Property Length before them.
Bytes encode(const Properties& properties);
// Throws Malformed: unknown identifiers, one that may not be repeated, bad text.
Properties decode_properties(Reader& reader);

[[nodiscard]] std::string to_text(const Properties& properties);

}  // namespace martlet::conformance
