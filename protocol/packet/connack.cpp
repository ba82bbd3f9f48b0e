#include "protocol/packet/connack.hpp"

#include <array>

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"

namespace martlet::protocol {

namespace {

// A refusal never claims a session [v3.1.1 MQTT-3.2.2-4] [v5 MQTT-3.2.2-6], and 3.1 has no such
// flag: there the byte is reserved.
bool puts_session_present(const ConnackView& packet, Version version) {
    return packet.session_present && packet.reason == ReasonCode::success &&
           version != Version::v3_1;
}

template <class Sink>
void put_limits(const ConnackView& packet, Sink& sink) {
    if (packet.session_expiry_interval_s) {
        sink.u32(PropertyId::session_expiry_interval, *packet.session_expiry_interval_s);
    }
    if (packet.receive_maximum) {
        sink.u16(PropertyId::receive_maximum, *packet.receive_maximum);
    }
    // Exactly once is the default and must not be named.
    if (packet.maximum_qos && *packet.maximum_qos != QoS::exactly_once) {
        sink.byte(PropertyId::maximum_qos, static_cast<std::uint8_t>(*packet.maximum_qos));
    }
    if (packet.retain_available) {
        sink.flag(PropertyId::retain_available, *packet.retain_available);
    }
    if (packet.maximum_packet_size) {
        sink.u32(PropertyId::maximum_packet_size, *packet.maximum_packet_size);
    }
    if (packet.topic_alias_maximum) {
        sink.u16(PropertyId::topic_alias_maximum, *packet.topic_alias_maximum);
    }
    if (packet.wildcard_subscription_available) {
        sink.flag(PropertyId::wildcard_subscription_available,
                  *packet.wildcard_subscription_available);
    }
    if (packet.subscription_identifier_available) {
        sink.flag(PropertyId::subscription_identifier_available,
                  *packet.subscription_identifier_available);
    }
    if (packet.shared_subscription_available) {
        sink.flag(PropertyId::shared_subscription_available, *packet.shared_subscription_available);
    }
    if (packet.server_keep_alive_s) {
        sink.u16(PropertyId::server_keep_alive, *packet.server_keep_alive_s);
    }
}

template <class Sink>
void put_properties(const ConnackView& packet, Sink& sink) {
    put_limits(packet, sink);
    if (packet.assigned_client_identifier) {
        sink.utf8(PropertyId::assigned_client_identifier, *packet.assigned_client_identifier);
    }
    if (packet.reason_string) {
        sink.utf8(PropertyId::reason_string, *packet.reason_string);
    }
    if (packet.response_information) {
        sink.utf8(PropertyId::response_information, *packet.response_information);
    }
    if (packet.server_reference) {
        sink.utf8(PropertyId::server_reference, *packet.server_reference);
    }
    if (packet.authentication_method) {
        sink.utf8(PropertyId::authentication_method, *packet.authentication_method);
    }
    if (packet.authentication_data) {
        sink.binary(PropertyId::authentication_data, *packet.authentication_data);
    }
    sink.encoded(packet.user_properties);
}

std::size_t properties_size(const ConnackView& packet) {
    PropertySizer sizer;
    put_properties(packet, sizer);
    return sizer.size;
}

std::size_t body_size(const ConnackView& packet, Version version) {
    return 2 + (is_v5(version) ? block_size(properties_size(packet)) : 0);
}

void take(const PropertyView& property, ConnackView& packet) {
    const std::string_view text = as_text(property.data);
    const auto u16 = static_cast<std::uint16_t>(property.number);
    const bool flag = property.number != 0;
    switch (property.id) {
        using enum PropertyId;
        case session_expiry_interval:
            packet.session_expiry_interval_s = property.number;
            break;
        case receive_maximum:
            packet.receive_maximum = u16;
            break;
        case maximum_qos:
            packet.maximum_qos = qos_from_wire(property.number);
            break;
        case retain_available:
            packet.retain_available = flag;
            break;
        case maximum_packet_size:
            packet.maximum_packet_size = property.number;
            break;
        case assigned_client_identifier:
            packet.assigned_client_identifier = text;
            break;
        case topic_alias_maximum:
            packet.topic_alias_maximum = u16;
            break;
        case reason_string:
            packet.reason_string = text;
            break;
        case wildcard_subscription_available:
            packet.wildcard_subscription_available = flag;
            break;
        case subscription_identifier_available:
            packet.subscription_identifier_available = flag;
            break;
        case shared_subscription_available:
            packet.shared_subscription_available = flag;
            break;
        case server_keep_alive:
            packet.server_keep_alive_s = u16;
            break;
        case response_information:
            packet.response_information = text;
            break;
        case server_reference:
            packet.server_reference = text;
            break;
        case authentication_method:
            packet.authentication_method = text;
            break;
        case authentication_data:
            packet.authentication_data = property.data;
            break;
        default:
            break;
    }
}

// User properties are kept only if they stand together, as our own encoder puts them: the view has
// room for one span.
Result<void> read_properties(Bytes block, ConnackView& packet) {
    PropertyReader properties{block, PropertyOwner::connack};
    while (const auto property = properties.next()) {
        take(*property, packet);
        if (property->id != PropertyId::user_property) {
            continue;
        }
        Bytes& kept = packet.user_properties;
        if (kept.empty()) {
            kept = property->whole;
        } else if (kept.data() + kept.size() == property->whole.data()) {
            kept = Bytes{kept.data(), kept.size() + property->whole.size()};
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

std::optional<ReasonCode> reason_from_v3(std::uint8_t return_code) {
    using enum ReasonCode;
    constexpr std::array codes{success,
                               unsupported_protocol_version,
                               client_identifier_not_valid,
                               server_unavailable,
                               bad_user_name_or_password,
                               not_authorized};
    if (return_code >= codes.size()) {
        return std::nullopt;
    }
    return codes[return_code];
}

// Nothing for a code that CONNACK may not carry [v5 MQTT-3.2.2-8].
std::optional<ReasonCode> reason_from_wire(std::uint8_t byte, Version version) {
    if (!is_v5(version)) {
        return reason_from_v3(byte);
    }
    const ReasonCode reason{byte};
    return allows(reason, PacketType::connack) ? std::optional{reason} : std::nullopt;
}

}  // namespace

Result<ConnackView> decode_connack(const FrameView& frame, Version version) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::connack);
    if (const auto header = check_fixed_header(frame, 0, version); !header) {
        return header.error();
    }
    ConnackView packet;
    ByteReader reader{frame.body};
    const unsigned flags = reader.u8();
    const auto reason = reason_from_wire(reader.u8(), version);
    const Bytes block = is_v5(version) ? reader.bytes(reader.varint()) : Bytes{};
    if (reader.failed() || reader.remaining() != 0) {
        return fail(ReasonCode::malformed_packet, "CONNACK is too short or too long");
    }
    if (flags > (version == Version::v3_1 ? 0 : 1)) {  // [v5 MQTT-3.2.2-1]
        return fail(ReasonCode::malformed_packet, "reserved acknowledge flags are set");
    }
    if (!reason) {
        return fail(ReasonCode::protocol_error, "reason code has no place in CONNACK");
    }
    packet.session_present = flags == 1;
    packet.reason = *reason;
    // [v3.1.1 MQTT-3.2.2-4] [v5 MQTT-3.2.2-6]
    if (packet.session_present && packet.reason != ReasonCode::success) {
        return fail(ReasonCode::protocol_error, "a refusal claims a session");
    }
    if (const auto properties = read_properties(block, packet); !properties) {
        return properties.error();
    }
    return packet;
}

std::size_t encoded_size(const ConnackView& packet, Version version) {
    return packet_size(body_size(packet, version));
}

void encode(const ConnackView& packet, Version version, ByteWriter& out) {
    put_fixed_header(out, PacketType::connack, 0, body_size(packet, version));
    out.u8(puts_session_present(packet, version) ? 1 : 0);
    if (!is_v5(version)) {
        out.u8(to_v3_return_code(packet.reason));
        return;
    }
    out.u8(to_wire(packet.reason));
    put_block_length(out, properties_size(packet));
    PropertyWriter writer{out};
    put_properties(packet, writer);
}

}  // namespace martlet::protocol
