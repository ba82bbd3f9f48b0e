// Packets as tests write and read them. A test names only the fields it is about, the others have
// the values that a plain client would send.
//
// Ownership: values. Threading: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "conformance/suite/bytes.hpp"
#include "conformance/suite/properties.hpp"

namespace martlet::conformance {

enum class Version { v311 = 4, v5 = 5 };

enum class Type : std::uint8_t {
    connect = 1,
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
    pingreq,
    pingresp,
    disconnect,
    auth,
};

struct Will {
    std::string topic{};
    std::string payload{"will"};
    unsigned qos = 0;
    bool retain = false;
    Properties properties{};
};

struct Connect {
    std::optional<std::string> client_id{};  // default: the client's own name
    bool clean = true;                       // Clean Session, Clean Start
    unsigned keep_alive_s = 60;
    std::optional<Will> will{};
    std::optional<std::string> user{};
    std::optional<std::string> password{};
    Properties properties{};
    std::string protocol{"MQTT"};
    std::optional<unsigned> level{};
    unsigned flipped_flags = 0;  // of the Connect Flags, to make them wrong
};

struct Connack {
    unsigned code = 0;
    std::optional<bool> session_present{};
};

struct Publish {
    std::string topic{};
    std::string payload{};
    unsigned qos = 0;
    bool retain = false;
    bool dup = false;
    std::uint16_t id = 0;  // 0: the client chooses; in an expectation: any
    Properties properties{};
};

// PUBACK, PUBREC, PUBREL and PUBCOMP.
struct Ack {
    Type type{};
    std::uint16_t id = 0;
    unsigned code = 0;
    Properties properties{};
};

struct Subscription {
    std::string filter{};
    unsigned qos = 0;
    bool no_local = false;
    bool retain_as_published = false;
    unsigned retain_handling = 0;
};

struct Subscribe {
    std::uint16_t id = 0;  // 0: the client chooses
    std::vector<Subscription> subscriptions{};
    Properties properties{};
};

struct Suback {
    std::uint16_t id = 0;
    std::vector<unsigned> codes{};
};

struct Unsubscribe {
    std::uint16_t id = 0;
    std::vector<std::string> filters{};
    Properties properties{};
};

struct Unsuback {
    std::uint16_t id = 0;
    std::vector<unsigned> codes{};  // none in 3.1.1
};

struct Pingreq {};

struct Disconnect {
    unsigned code = 0;
    Properties properties{};
};

struct Auth {
    unsigned code = 0;
    Properties properties{};
};

Bytes encode(const Connect& packet, Version version);
Bytes encode(const Publish& packet, Version version);
Bytes encode(const Ack& packet, Version version);
Bytes encode(const Subscribe& packet, Version version);
Bytes encode(const Unsubscribe& packet, Version version);
Bytes encode(const Disconnect& packet, Version version);
Bytes encode(const Auth& packet, Version version);
Bytes encode(const Pingreq& packet, Version version);

// Anything received. Only the fields of its type mean anything.
struct Packet {
    Type type{};
    Bytes raw{};
    std::uint16_t id = 0;
    unsigned code = 0;
    std::vector<unsigned> codes{};
    bool session_present = false;
    std::string topic{};
    std::string payload{};
    unsigned qos = 0;
    bool retain = false;
    bool dup = false;
    Properties properties{};

    [[nodiscard]] std::optional<std::uint32_t> number(PropertyId wanted) const;
    [[nodiscard]] std::optional<std::string> text(PropertyId wanted) const;
    [[nodiscard]] std::vector<Property> all(PropertyId wanted) const;
    [[nodiscard]] bool has(PropertyId wanted) const { return !all(wanted).empty(); }
};

// One whole packet from a server, checked against all that a server may send in this version:
// flags, lengths, codes, properties. Throws Malformed.
Packet decode_from_server(const Bytes& raw, Version version);
// The same without the checks, for either direction (not CONNECT).
Packet decode(const Bytes& raw, Version version);
// The size of the packet at the front, when enough of it is there to say; throws Malformed.
std::optional<std::size_t> packet_size(std::string_view bytes);

Bytes encode(const Packet& packet, Version version);

[[nodiscard]] const char* to_text(Type type);
[[nodiscard]] std::string to_text(const Packet& packet);

}  // namespace martlet::conformance
