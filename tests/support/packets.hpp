// What fake clients say and hear: packets to bytes, and bytes from the broker to packets that own
// what they hold and can be put into one line of text.
//
// Decoding is strict: whatever a server may not send is an exception, which fails the test.
// Ownership: values. Threading: immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "protocol/packet/connack.hpp"
#include "protocol/packet_id.hpp"
#include "protocol/qos.hpp"
#include "protocol/version.hpp"

namespace martlet::tests {

using ByteVector = std::vector<std::byte>;

// The wire form of any packet that the codec can encode.
template <class Packet>
ByteVector to_bytes(const Packet& packet, protocol::Version version) {
    const auto write = [](std::size_t size, auto&& encode_into) {
        ByteVector bytes(size);
        protocol::ByteWriter out(bytes);
        encode_into(out);
        return bytes;
    };
    if constexpr (requires { encoded_size(packet, version); }) {
        return write(encoded_size(packet, version),
                     [&](protocol::ByteWriter& out) { encode(packet, version, out); });
    } else {
        return write(encoded_size(packet), [&](protocol::ByteWriter& out) { encode(packet, out); });
    }
}

// Bytes written as "30 05 00 01 61 'hi'": hexadecimal pairs and quoted text.
ByteVector bytes_of(std::string_view notation);

// A packet from the broker. Only the fields of its type mean anything.
struct Packet {
    protocol::PacketType type{};
    std::uint16_t id = 0;
    protocol::ReasonCode reason{};
    std::string reason_string;
    std::vector<std::uint8_t> codes;  // suback, unsuback

    // publish
    std::string topic;
    std::string payload;
    protocol::QoS qos{};
    bool dup = false;
    bool retain = false;
    std::vector<std::uint32_t> identifiers;  // Subscription Identifiers
    std::optional<std::uint32_t> expiry_s;
    std::string properties;  // the other ones, as they are on the wire
    std::uint16_t alias = 0;
    bool is_by_alias = false;  // came without a Topic Name

    // connack
    bool session_present = false;
    std::string assigned_client_id;
    std::optional<std::uint32_t> session_expiry_s;
    std::optional<std::uint16_t> receive_maximum;
    std::optional<std::uint16_t> server_keep_alive_s;
    std::optional<std::uint16_t> topic_alias_maximum;
    std::optional<std::uint32_t> maximum_packet_size;
    std::optional<bool> retain_available;
    std::optional<std::string> response_information;

    // connack, disconnect
    std::string server_reference;

    // connack, auth
    std::optional<std::string> method;
    std::optional<std::string> data;
};

// The Topic Aliases that a broker has set up on one connection.
class ReceivedAliases {
public:
    explicit ReceivedAliases(std::uint16_t maximum = 0) : maximum_(maximum) {}
    // Gives a PUBLISH that came by alias its topic. Throws when the broker uses an alias above the
    // maximum, or one that it has not set up.
    void resolve(Packet& packet);

private:
    std::uint16_t maximum_;
    std::map<std::uint16_t, std::string> topics_;
};

// Throws when it is not a packet that a server may send in this version.
Packet decode_from_server(const protocol::FrameView& frame, protocol::Version version);

// "connack 0 present", "publish #1 a/b q1 dup retain 'payload' ids=1,2 expiry=3",
// "publish a/b q0 'x' alias=1" (that sets it up), "publish a/b q0 'x' by-alias=1",
// "auth 0x18 'data'", "puback #1 0x87", "suback #1 0 1 0x80", "disconnect 0x8E", "pingresp".
std::string to_text(const Packet& packet);
// A PUBLISH by what is in it alone: "a/b q1 retain 'payload'".
std::string to_message_text(const Packet& packet);

}  // namespace martlet::tests
