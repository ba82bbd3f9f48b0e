#include "protocol/packet/disconnect.hpp"

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"

namespace martlet::protocol {

namespace {

enum class Sender : std::uint8_t { client, server };

// The column "Sent by" of [v5 section 3.14.2.1].
bool may_send(Sender sender, ReasonCode code) {
    switch (code) {
        using enum ReasonCode;
        case disconnect_with_will:
            return sender == Sender::client;
        case success:
        case unspecified_error:
        case malformed_packet:
        case protocol_error:
        case implementation_specific_error:
        case topic_name_invalid:
        case receive_maximum_exceeded:
        case topic_alias_invalid:
        case packet_too_large:
        case message_rate_too_high:
        case quota_exceeded:
        case administrative_action:
        case payload_format_invalid:
            return true;
        default:
            return sender == Sender::server && allows(code, PacketType::disconnect);
    }
}

Result<void> read_properties(Bytes block, Sender sender, DisconnectView& packet) {
    PropertyReader properties{block, PropertyOwner::disconnect};
    while (const auto property = properties.next()) {
        switch (property->id) {
            case PropertyId::session_expiry_interval:
                packet.session_expiry_interval_s = property->number;
                break;
            case PropertyId::reason_string:
                packet.reason_string = as_text(property->data);
                break;
            case PropertyId::server_reference:
                packet.server_reference = as_text(property->data);
                break;
            default:
                break;
        }
    }
    if (properties.error()) {
        return *properties.error();
    }
    // [v5 MQTT-3.14.2-2]
    if (sender == Sender::server && packet.session_expiry_interval_s) {
        return fail(ReasonCode::protocol_error, "a server sent a session expiry interval");
    }
    return {};
}

template <class Sink>
void put_properties(const DisconnectView& packet, Sink& sink) {
    if (packet.session_expiry_interval_s) {
        sink.u32(PropertyId::session_expiry_interval, *packet.session_expiry_interval_s);
    }
    if (packet.reason_string) {
        sink.utf8(PropertyId::reason_string, *packet.reason_string);
    }
    if (packet.server_reference) {
        sink.utf8(PropertyId::server_reference, *packet.server_reference);
    }
}

std::size_t properties_size(const DisconnectView& packet) {
    PropertySizer sizer;
    put_properties(packet, sizer);
    return sizer.size;
}

// The shortest of the three forms that v5 offers.
std::size_t body_size(const DisconnectView& packet) {
    const std::size_t properties = properties_size(packet);
    if (properties != 0) {
        return 1 + block_size(properties);
    }
    return packet.reason == ReasonCode::success ? 0 : 1;
}

Result<DisconnectView> decode(const FrameView& frame, Version version, Sender sender) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::disconnect);
    // [v3.1.1 MQTT-3.14.1-1] [v5 MQTT-3.14.1-1]
    if (const auto header = check_fixed_header(frame, 0, version); !header) {
        return header.error();
    }
    DisconnectView packet;
    if (frame.body.empty()) {
        return packet;
    }
    if (!is_v5(version)) {
        return fail(ReasonCode::malformed_packet, "DISCONNECT is not empty");
    }
    ByteReader reader{frame.body};
    packet.reason = ReasonCode{reader.u8()};
    if (!may_send(sender, packet.reason)) {
        return fail(ReasonCode::protocol_error, "reason code has no place in this DISCONNECT");
    }
    if (reader.remaining() == 0) {
        return packet;
    }
    const Bytes block = reader.bytes(reader.varint());
    if (reader.failed() || reader.remaining() != 0) {
        return fail(ReasonCode::malformed_packet, "properties do not fill the DISCONNECT");
    }
    if (const auto properties = read_properties(block, sender, packet); !properties) {
        return properties.error();
    }
    return packet;
}

}  // namespace

Result<DisconnectView> decode_disconnect(const FrameView& frame, Version version) {
    return decode(frame, version, Sender::client);
}

Result<DisconnectView> decode_disconnect_from_server(const FrameView& frame) {
    return decode(frame, Version::v5_0, Sender::server);
}

std::size_t encoded_size(const DisconnectView& packet) {
    return packet_size(body_size(packet));
}

void encode(const DisconnectView& packet, ByteWriter& out) {
    const std::size_t size = body_size(packet);
    put_fixed_header(out, PacketType::disconnect, 0, size);
    if (size == 0) {
        return;
    }
    out.u8(to_wire(packet.reason));
    if (size > 1) {
        put_block_length(out, properties_size(packet));
        PropertyWriter writer{out};
        put_properties(packet, writer);
    }
}

}  // namespace martlet::protocol
