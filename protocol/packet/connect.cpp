#include "protocol/packet/connect.hpp"

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"
#include "protocol/topic.hpp"

namespace martlet::protocol {

namespace {

constexpr std::string_view name_v3_1 = "MQIsdp";
constexpr std::string_view name_v3_1_1 = "MQTT";

// The Connect Flags byte.
constexpr unsigned reserved_bit = 0x01;
constexpr unsigned clean_start_bit = 0x02;
constexpr unsigned will_bit = 0x04;
constexpr unsigned will_qos_shift = 3;
constexpr unsigned will_qos_bits = 0x18;
constexpr unsigned will_retain_bit = 0x20;
constexpr unsigned password_bit = 0x40;
constexpr unsigned user_name_bit = 0x80;

Result<Version> read_version(ByteReader& reader) {
    const std::string_view name = as_text(reader.binary());
    const std::uint8_t level = reader.u8();
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    if (name == name_v3_1_1 && (level == 4 || level == 5)) {
        return static_cast<Version>(level);
    }
    if (name == name_v3_1 && level == 3) {
        return Version::v3_1;
    }
    if (name == name_v3_1_1 || name == name_v3_1) {  // [v3.1.1 MQTT-3.1.2-2] [v5 MQTT-3.1.2-2]
        return fail(ReasonCode::unsupported_protocol_version, "unknown protocol level");
    }
    // [v3.1.1 MQTT-3.1.2-1] [v5 MQTT-3.1.2-1]
    return fail(ReasonCode::malformed_packet, "unknown protocol name");
}

Result<void> check_flags(unsigned flags, Version version) {
    if ((flags & reserved_bit) != 0) {  // [v3.1.1 MQTT-3.1.2-3] [v5 MQTT-3.1.2-3]
        return fail(ReasonCode::malformed_packet, "reserved connect flag is set");
    }
    const unsigned will_qos = (flags & will_qos_bits) >> will_qos_shift;
    if (will_qos == 3) {  // [v3.1.1 MQTT-3.1.2-14] [v5 MQTT-3.1.2-12]
        return fail(ReasonCode::malformed_packet, "will QoS is 3");
    }
    // [v3.1.1 MQTT-3.1.2-11] [v3.1.1 MQTT-3.1.2-13] [v3.1.1 MQTT-3.1.2-15]
    // [v5 MQTT-3.1.2-11] [v5 MQTT-3.1.2-13]
    if ((flags & will_bit) == 0 && (flags & (will_qos_bits | will_retain_bit)) != 0) {
        return fail(ReasonCode::malformed_packet, "will QoS or will retain without a will");
    }
    // [v3.1.1 MQTT-3.1.2-22]; v5 permits a password alone.
    if (!is_v5(version) && (flags & password_bit) != 0 && (flags & user_name_bit) == 0) {
        return fail(ReasonCode::malformed_packet, "password without a user name");
    }
    return {};
}

Result<void> read_properties(Bytes block, ConnectView& packet) {
    PropertyReader properties{block, PropertyOwner::connect};
    while (const auto property = properties.next()) {
        const std::uint32_t number = property->number;
        switch (property->id) {
            using enum PropertyId;
            case session_expiry_interval:
                packet.session_expiry_interval_s = number;
                break;
            case receive_maximum:
                packet.receive_maximum = static_cast<std::uint16_t>(number);
                break;
            case maximum_packet_size:
                packet.maximum_packet_size = number;
                break;
            case topic_alias_maximum:
                packet.topic_alias_maximum = static_cast<std::uint16_t>(number);
                break;
            case request_response_information:
                packet.request_response_information = number == 1;
                break;
            case request_problem_information:
                packet.request_problem_information = number == 1;
                break;
            case authentication_method:
                packet.authentication_method = as_text(property->data);
                break;
            case authentication_data:
                packet.authentication_data = property->data;
                break;
            default:
                break;
        }
    }
    if (properties.error()) {
        return *properties.error();
    }
    if (packet.authentication_data && !packet.authentication_method) {
        return fail(ReasonCode::protocol_error, "authentication data without a method");
    }
    return {};
}

Result<void> read_will_properties(WillView& will) {
    PropertyReader properties{will.properties, PropertyOwner::will};
    while (const auto property = properties.next()) {
        if (property->id == PropertyId::will_delay_interval) {
            will.delay_interval_s = property->number;
        } else if (property->id == PropertyId::message_expiry_interval) {
            will.message_expiry_interval_s = property->number;
        } else if (property->id == PropertyId::payload_format_indicator) {
            will.payload_is_utf8 = property->number == 1;
        }
    }
    if (properties.error()) {
        return *properties.error();
    }
    return {};
}

// [v3.1.1 MQTT-3.1.2-9] [v5 MQTT-3.1.2-9]
Result<WillView> read_will(ByteReader& reader, unsigned flags, Version version) {
    WillView will;
    will.qos = static_cast<QoS>((flags & will_qos_bits) >> will_qos_shift);
    will.retain = (flags & will_retain_bit) != 0;
    if (is_v5(version)) {
        will.properties = reader.bytes(reader.varint());
    }
    will.topic = reader.utf8();  // [v3.1.1 MQTT-3.1.3-10] [v5 MQTT-3.1.3-11]
    will.payload = reader.binary();
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    if (const auto properties = read_will_properties(will); !properties) {
        return properties.error();
    }
    if (!is_valid_topic_name(will.topic)) {
        return fail(ReasonCode::topic_name_invalid, "will topic is empty or contains a wildcard");
    }
    return will;
}

// In 3.1 Remaining Length outranks the flags: a field whose flag is set may still be missing at the
// end, for the sake of clients older than itself.
bool is_present(unsigned flag, Version version, const ByteReader& reader) {
    return flag != 0 && !(version == Version::v3_1 && reader.remaining() == 0);
}

// [v3.1.1 MQTT-3.1.3-1] [v5 MQTT-3.1.3-1]: in this order.
Result<void> read_payload(ByteReader& reader, unsigned flags, ConnectView& packet) {
    packet.client_id = reader.utf8();  // [v3.1.1 MQTT-3.1.3-3] [v3.1.1 MQTT-3.1.3-4]
    if (reader.failed()) {             // [v5 MQTT-3.1.3-3] [v5 MQTT-3.1.3-4]
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    if ((flags & will_bit) != 0) {
        const auto will = read_will(reader, flags, packet.version);
        if (!will) {
            return will.error();
        }
        packet.will = *will;
    }
    // [v3.1.1 MQTT-3.1.2-19] [v3.1.1 MQTT-3.1.3-11] [v5 MQTT-3.1.2-17] [v5 MQTT-3.1.3-12]
    if (is_present(flags & user_name_bit, packet.version, reader)) {
        packet.user_name = reader.utf8();
    }
    // [v3.1.1 MQTT-3.1.2-21] [v5 MQTT-3.1.2-19]
    if (is_present(flags & password_bit, packet.version, reader)) {
        packet.password = reader.binary();
    }
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    // [v3.1.1 MQTT-3.1.2-18] [v3.1.1 MQTT-3.1.2-20] [v5 MQTT-3.1.2-16] [v5 MQTT-3.1.2-18]
    if (reader.remaining() != 0) {
        return fail(ReasonCode::malformed_packet, "bytes after the last field");
    }
    return {};
}

}  // namespace

Result<ConnectView> decode_connect(const FrameView& frame, std::optional<Version>* version_seen) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::connect);
    ConnectView packet;
    ByteReader reader{frame.body};
    const auto version = read_version(reader);
    if (!version) {
        return version.error();
    }
    packet.version = *version;
    if (version_seen != nullptr) {
        *version_seen = *version;
    }
    if (const auto header = check_fixed_header(frame, 0, *version); !header) {
        return header.error();
    }
    const unsigned flags = reader.u8();
    packet.keep_alive_s = reader.u16();
    const Bytes block = is_v5(*version) ? reader.bytes(reader.varint()) : Bytes{};
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    if (const auto checked = check_flags(flags, *version); !checked) {
        return checked.error();
    }
    packet.clean_start = (flags & clean_start_bit) != 0;
    if (const auto properties = read_properties(block, packet); !properties) {
        return properties.error();
    }
    if (const auto payload = read_payload(reader, flags, packet); !payload) {
        return payload.error();
    }
    return packet;
}

namespace {

// Defaults are left out.
template <class Sink>
void put_properties(const ConnectView& packet, Sink& sink) {
    if (packet.session_expiry_interval_s != 0) {
        sink.u32(PropertyId::session_expiry_interval, packet.session_expiry_interval_s);
    }
    if (packet.receive_maximum != 65'535) {
        sink.u16(PropertyId::receive_maximum, packet.receive_maximum);
    }
    if (packet.maximum_packet_size != 0) {
        sink.u32(PropertyId::maximum_packet_size, packet.maximum_packet_size);
    }
    if (packet.topic_alias_maximum != 0) {
        sink.u16(PropertyId::topic_alias_maximum, packet.topic_alias_maximum);
    }
    if (packet.request_response_information) {
        sink.flag(PropertyId::request_response_information, true);
    }
    if (!packet.request_problem_information) {
        sink.flag(PropertyId::request_problem_information, false);
    }
    if (packet.authentication_method) {
        sink.utf8(PropertyId::authentication_method, *packet.authentication_method);
    }
    if (packet.authentication_data) {
        sink.binary(PropertyId::authentication_data, *packet.authentication_data);
    }
}

std::size_t properties_size(const ConnectView& packet) {
    PropertySizer sizer;
    put_properties(packet, sizer);
    return sizer.size;
}

std::string_view protocol_name(Version version) {
    return version == Version::v3_1 ? name_v3_1 : name_v3_1_1;
}

unsigned flags_of(const ConnectView& packet) {
    unsigned flags = packet.clean_start ? clean_start_bit : 0;
    if (packet.will) {
        flags |= will_bit | to_wire(packet.will->qos) << will_qos_shift |
                 (packet.will->retain ? will_retain_bit : 0);
    }
    return flags | (packet.user_name ? user_name_bit : 0) | (packet.password ? password_bit : 0);
}

std::size_t body_size(const ConnectView& packet) {
    std::size_t size = 2 + protocol_name(packet.version).size() + 4 + 2 + packet.client_id.size();
    if (is_v5(packet.version)) {
        size += block_size(properties_size(packet));
    }
    if (packet.will) {
        size += is_v5(packet.version) ? block_size(packet.will->properties.size()) : 0;
        size += 2 + packet.will->topic.size() + 2 + packet.will->payload.size();
    }
    size += packet.user_name ? 2 + packet.user_name->size() : 0;
    size += packet.password ? 2 + packet.password->size() : 0;
    return size;
}

void put_will(const WillView& will, Version version, ByteWriter& out) {
    if (is_v5(version)) {
        put_block_length(out, will.properties.size());
        out.bytes(will.properties);
    }
    out.utf8(will.topic);
    out.binary(will.payload);
}

}  // namespace

std::size_t encoded_size(const ConnectView& packet) {
    return packet_size(body_size(packet));
}

void encode(const ConnectView& packet, ByteWriter& out) {
    put_fixed_header(out, PacketType::connect, 0, body_size(packet));
    out.utf8(protocol_name(packet.version));
    out.u8(static_cast<std::uint8_t>(packet.version));
    out.u8(static_cast<std::uint8_t>(flags_of(packet)));
    out.u16(packet.keep_alive_s);
    if (is_v5(packet.version)) {
        put_block_length(out, properties_size(packet));
        PropertyWriter writer{out};
        put_properties(packet, writer);
    }
    out.utf8(packet.client_id);
    if (packet.will) {
        put_will(*packet.will, packet.version, out);
    }
    if (packet.user_name) {
        out.utf8(*packet.user_name);
    }
    if (packet.password) {
        out.binary(*packet.password);
    }
}

}  // namespace martlet::protocol
