// MQTT 5 property blocks: the table of what may stand where, decoding and encoding.
// Ownership: views borrow the receive buffer. Threading: pure functions.
//
// Decoders of single packets take what the broker acts on out of the block into typed fields. What
// is only carried from publisher to subscriber (user properties, content type, response topic,
// correlation data, payload format) stays one raw, validated span and is never taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/byte_reader.hpp"
#include "protocol/byte_writer.hpp"
#include "protocol/packet_type.hpp"
#include "protocol/result.hpp"

namespace martlet::protocol {

enum class PropertyId : std::uint8_t {
    payload_format_indicator = 0x01,
    message_expiry_interval = 0x02,
    content_type = 0x03,
    response_topic = 0x08,
    correlation_data = 0x09,
    subscription_identifier = 0x0B,
    session_expiry_interval = 0x11,
    assigned_client_identifier = 0x12,
    server_keep_alive = 0x13,
    authentication_method = 0x15,
    authentication_data = 0x16,
    request_problem_information = 0x17,
    will_delay_interval = 0x18,
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
    wildcard_subscription_available = 0x28,
    subscription_identifier_available = 0x29,
    shared_subscription_available = 0x2A,
};

enum class PropertyType : std::uint8_t { byte, u16, u32, varint, utf8, binary, utf8_pair };

// One property as it stands in a block.
struct PropertyView {
    PropertyId id{};
    std::uint32_t number = 0;  // byte, u16, u32, varint
    Bytes data;                // utf8, binary, value of a utf8_pair
    std::string_view name;     // name of a utf8_pair
    Bytes whole;               // identifier byte and value, as received
};

// Where a block stands: the Will's properties have their own list of permitted ones.
enum class PropertyOwner : std::uint8_t {
    connect,
    will,
    connack,
    publish,
    puback,
    pubrec,
    pubrel,
    pubcomp,
    subscribe,
    suback,
    unsubscribe,
    unsuback,
    disconnect,
    auth,
};

// Walks one block (its length prefix already taken off). Each property is checked on the way:
// known, permitted for the owner, not repeated unless it may be, value in range (e.g. topic_alias
// 0, receive_maximum 0, flags other than 0/1 are protocol_error; wrong lengths are
// malformed_packet).
class PropertyReader {
public:
    PropertyReader(Bytes block, PropertyOwner owner) : reader_(block), owner_(owner) {}

    // The next property; nothing at the end of the block or after an error.
    std::optional<PropertyView> next();
    // Set once next() has met a fault.
    const std::optional<DecodeError>& error() const { return error_; }

private:
    // Both false on a fault, which is then in error_.
    bool read(PropertyView& property);
    bool refuse(ReasonCode reason, const char* what);

    ByteReader reader_;
    PropertyOwner owner_;
    std::uint64_t seen_ = 0;  // bit per PropertyId, to find repetitions
    std::optional<DecodeError> error_;
};

// Encoding: blocks are built by calling put for each property between sizing and writing.
std::size_t property_size_byte();  // id + 1
std::size_t property_size_u16();   // id + 2
std::size_t property_size_u32();   // id + 4
std::size_t property_size_varint(std::uint32_t value);
std::size_t property_size_utf8(std::string_view text);
std::size_t property_size_binary(Bytes data);
void put_byte(ByteWriter& out, PropertyId id, std::uint8_t value);
void put_u16(ByteWriter& out, PropertyId id, std::uint16_t value);
void put_u32(ByteWriter& out, PropertyId id, std::uint32_t value);
void put_varint(ByteWriter& out, PropertyId id, std::uint32_t value);
void put_utf8(ByteWriter& out, PropertyId id, std::string_view text);
void put_binary(ByteWriter& out, PropertyId id, Bytes data);

}  // namespace martlet::protocol
