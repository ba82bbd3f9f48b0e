#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>

#include "conformance/suite/packet.hpp"

namespace martlet::conformance {

namespace {

void require(bool is_so, std::string_view otherwise) {
    if (!is_so) {
        throw Malformed{std::string(otherwise)};
    }
}

bool is_one_of(unsigned code, std::initializer_list<unsigned> codes) {
    return std::ranges::find(codes, code) != codes.end();
}

void read_connack(Packet& packet, Reader& body) {
    const unsigned acknowledge_flags = body.u8();
    require(acknowledge_flags <= 1, "reserved bits of the Connect Acknowledge Flags are set");
    packet.session_present = acknowledge_flags == 1;
    packet.code = body.u8();
}

void read_publish(Packet& packet, unsigned flags, Reader& body, Version version) {
    packet.dup = (flags & 8U) != 0;
    packet.qos = flags >> 1 & 3U;
    packet.retain = (flags & 1U) != 0;
    packet.topic = body.str();
    if (packet.qos > 0) {
        packet.id = static_cast<std::uint16_t>(body.u16());
    }
    if (version == Version::v5) {
        packet.properties = decode_properties(body);
    }
    packet.payload = body.take_all();
}

// What ends packets of MQTT 5: nothing, a code, or a code and properties.
void read_code_and_properties(Packet& packet, Reader& body) {
    if (!body.is_at_end()) {
        packet.code = body.u8();
    }
    if (!body.is_at_end()) {
        packet.properties = decode_properties(body);
    }
}

void read_codes(Packet& packet, Reader& body, Version version) {
    packet.id = static_cast<std::uint16_t>(body.u16());
    if (version == Version::v5) {
        packet.properties = decode_properties(body);
    }
    while (!body.is_at_end()) {
        packet.codes.push_back(body.u8());
    }
}

// The reason codes that a packet from a server may carry [v5 section 2.4].
bool is_legal_code(Type type, unsigned code, Version version) {
    const bool v5 = version == Version::v5;
    switch (type) {
        case Type::connack:
            return v5 ? is_one_of(code, {0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86,
                                         0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97,
                                         0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F})
                      : code <= 5;
        case Type::puback:
        case Type::pubrec:
            return is_one_of(code, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99});
        case Type::pubrel:
        case Type::pubcomp:
            return is_one_of(code, {0x00, 0x92});
        case Type::suback:
            return v5 ? is_one_of(code, {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E,
                                         0xA1, 0xA2})
                      : is_one_of(code, {0x00, 0x01, 0x02, 0x80});
        case Type::unsuback:
            return is_one_of(code, {0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91});
        case Type::disconnect:
            return is_one_of(code, {0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E,
                                    0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
                                    0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2});
        case Type::auth:
            return is_one_of(code, {0x00, 0x18});  // 0x19 is for clients
        default:
            return true;
    }
}

bool is_legal_property(Type type, PropertyId id) {
    using enum PropertyId;
    if (id == user_property) {
        return true;
    }
    switch (type) {
        case Type::connack:
            return is_one_of(static_cast<unsigned>(id),
                             {0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24,
                              0x25, 0x27, 0x28, 0x29, 0x2A});
        case Type::publish:
            return is_one_of(static_cast<unsigned>(id), {0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23});
        case Type::disconnect:
            // Not the Session Expiry Interval [v5 MQTT-3.14.2-2].
            return id == reason_string || id == server_reference;
        case Type::auth:
            return id == reason_string || id == authentication_method || id == authentication_data;
        default:
            return id == reason_string;
    }
}

bool is_for_clients(Type type, Version version) {
    using enum Type;
    switch (type) {
        case connack:
        case publish:
        case puback:
        case pubrec:
        case pubrel:
        case pubcomp:
        case suback:
        case unsuback:
        case pingresp:
            return true;
        case disconnect:
        case auth:
            return version == Version::v5;
        default:
            return false;
    }
}

void check_values(const Packet& packet) {
    using enum PropertyId;
    for (const auto id : {payload_format, maximum_qos, retain_available, wildcard_available,
                          subscription_identifiers_available, shared_available}) {
        require(packet.number(id).value_or(0) <= 1, "a property that is 0 or 1 has another value");
    }
    for (const auto id :
         {receive_maximum, topic_alias, maximum_packet_size, subscription_identifier}) {
        for (const auto& property : packet.all(id)) {
            require(property.number != 0, "a property that must not be zero is zero");
        }
    }
}

void check(const Packet& packet, Version version) {
    const unsigned flags = static_cast<unsigned char>(packet.raw[0]) & 0xFU;
    require(is_for_clients(packet.type, version), "not a packet for clients");
    const bool has_id = packet.type != Type::connack && packet.type != Type::pingresp &&
                        packet.type != Type::disconnect && packet.type != Type::auth &&
                        (packet.type != Type::publish || packet.qos > 0);
    require(!has_id || packet.id != 0, "the Packet Identifier is zero");
    if (packet.type == Type::publish) {
        require(packet.qos != 3, "QoS 3");
        require(packet.qos > 0 || !packet.dup, "DUP at QoS 0");
        require(is_well_formed_utf8(packet.topic), "the topic is not well-formed UTF-8");
        require(packet.topic.find_first_of("+#") == std::string::npos, "a wildcard in a topic");
        require(!packet.topic.empty() || packet.has(PropertyId::topic_alias), "an empty topic");
    } else {
        require(flags == (packet.type == Type::pubrel ? 2U : 0U), "reserved flags are not right");
    }
    require(is_legal_code(packet.type, packet.code, version), "a reason code it may not have");
    for (const unsigned code : packet.codes) {
        require(is_legal_code(packet.type, code, version), "a reason code it may not have");
    }
    for (const auto& property : packet.properties) {
        require(is_legal_property(packet.type, property.id), "a property it may not have");
    }
    check_values(packet);
}

}  // namespace

std::optional<std::size_t> packet_size(std::string_view bytes) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < bytes.size() && i <= 4; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        length |= static_cast<std::size_t>(byte & 0x7FU) << (7 * (i - 1));
        if (byte < 0x80) {
            return 1 + i + length;
        }
    }
    require(bytes.size() < 5, "a Remaining Length of more than four bytes");
    return std::nullopt;
}

Packet decode(const Bytes& raw, Version version) {
    Reader whole{raw};
    const unsigned first = whole.u8();
    Packet packet{.type = static_cast<Type>(first >> 4), .raw = raw};
    Reader body{whole.take(whole.varint())};
    switch (packet.type) {
        case Type::connack:
            read_connack(packet, body);
            if (version == Version::v5) {
                packet.properties = decode_properties(body);
            }
            break;
        case Type::publish:
            read_publish(packet, first & 0xFU, body, version);
            break;
        case Type::puback:
        case Type::pubrec:
        case Type::pubrel:
        case Type::pubcomp:
            packet.id = static_cast<std::uint16_t>(body.u16());
            if (version == Version::v5) {
                read_code_and_properties(packet, body);
            }
            break;
        case Type::suback:
        case Type::unsuback:
            read_codes(packet, body, version);
            break;
        case Type::disconnect:
        case Type::auth:
            if (version == Version::v5) {
                read_code_and_properties(packet, body);
            }
            break;
        case Type::pingreq:
        case Type::pingresp:
            break;
        case Type::connect:
        case Type::subscribe:
        case Type::unsubscribe:
            body.take_all();
            break;
        default:
            throw Malformed{"a packet of type 0"};
    }
    require(body.is_at_end(), "bytes after the end of the packet's contents");
    return packet;
}

Packet decode_from_server(const Bytes& raw, Version version) {
    auto packet = decode(raw, version);
    check(packet, version);
    return packet;
}

std::optional<std::uint32_t> Packet::number(PropertyId wanted) const {
    const auto found = std::ranges::find(properties, wanted, &Property::id);
    return found == properties.end() ? std::nullopt : std::optional(found->number);
}

std::optional<std::string> Packet::text(PropertyId wanted) const {
    const auto found = std::ranges::find(properties, wanted, &Property::id);
    return found == properties.end() ? std::nullopt : std::optional(found->text);
}

std::vector<Property> Packet::all(PropertyId wanted) const {
    std::vector<Property> found;
    std::ranges::copy_if(properties, std::back_inserter(found),
                         [&](const Property& property) { return property.id == wanted; });
    return found;
}

const char* to_text(Type type) {
    static constexpr const char* names[] = {"type 0",    "CONNECT",  "CONNACK",     "PUBLISH",
                                            "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                                            "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                            "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH"};
    return names[static_cast<unsigned>(type) & 0xFU];
}

std::string to_text(const Packet& packet) {
    std::string text = to_text(packet.type);
    switch (packet.type) {
        case Type::connack:
            text +=
                fmt::format(" 0x{:02x}{}", packet.code, packet.session_present ? " present" : "");
            break;
        case Type::publish:
            text += fmt::format(" #{} {} q{}{}{} '{}'", packet.id, printable(packet.topic),
                                packet.qos, packet.dup ? " dup" : "",
                                packet.retain ? " retain" : "", printable(packet.payload));
            break;
        case Type::suback:
        case Type::unsuback:
            text += fmt::format(" #{} {:#04x}", packet.id, fmt::join(packet.codes, " "));
            break;
        case Type::puback:
        case Type::pubrec:
        case Type::pubrel:
        case Type::pubcomp:
            text += fmt::format(" #{} 0x{:02x}", packet.id, packet.code);
            break;
        case Type::disconnect:
        case Type::auth:
            text += fmt::format(" 0x{:02x}", packet.code);
            break;
        default:
            break;
    }
    return text + to_text(packet.properties);
}

}  // namespace martlet::conformance
