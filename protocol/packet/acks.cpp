#include "protocol/packet/acks.hpp"

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"

namespace martlet::protocol {

namespace {

PropertyOwner owner_of(PacketType type) {
    switch (type) {
        case PacketType::puback:
            return PropertyOwner::puback;
        case PacketType::pubrec:
            return PropertyOwner::pubrec;
        case PacketType::pubrel:
            return PropertyOwner::pubrel;
        default:
            return PropertyOwner::pubcomp;
    }
}

std::uint8_t flags_of(PacketType type) {
    return type == PacketType::pubrel ? 2 : 0;
}

bool is_ack(PacketType type) {
    return type == PacketType::puback || type == PacketType::pubrec || type == PacketType::pubrel ||
           type == PacketType::pubcomp;
}

// The block behind the reason code. A body of three bytes has none.
std::optional<DecodeError> read_properties(ByteReader& reader, AckView& packet) {
    const Bytes block = reader.bytes(reader.varint());
    if (reader.failed() || reader.remaining() != 0) {
        return fail(ReasonCode::malformed_packet, "properties do not fill the acknowledgement");
    }
    PropertyReader properties{block, owner_of(packet.type)};
    while (const auto property = properties.next()) {
        if (property->id == PropertyId::reason_string) {
            packet.reason_string = as_text(property->data);
        }
    }
    return properties.error();
}

std::size_t properties_size(const AckView& packet) {
    return packet.reason_string ? property_size_utf8(*packet.reason_string) : 0;
}

// The shortest of the three forms that v5 offers.
std::size_t body_size(const AckView& packet, Version version) {
    if (!is_v5(version)) {
        return 2;
    }
    if (packet.reason_string) {
        return 3 + block_size(properties_size(packet));
    }
    return packet.reason == ReasonCode::success ? 2 : 3;
}

// Fills `packet` where the caller's result lies: at QoS 1 and 2 these are as frequent as messages,
// and copying the view is a good part of the work.
std::optional<DecodeError> decode(const FrameView& frame, Version version, AckView& packet) {
    MARTLET_DEBUG_ASSERT(is_ack(frame.type));
    // [v3.1.1 MQTT-3.6.1-1] [v5 MQTT-3.6.1-1]
    if (const auto header = check_fixed_header(frame, flags_of(frame.type), version); !header) {
        return header.error();
    }
    packet.type = frame.type;
    ByteReader reader{frame.body};
    packet.packet_id = PacketId{reader.u16()};
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, "acknowledgement without a packet identifier");
    }
    if (!is_v5(version) && reader.remaining() != 0) {
        return fail(ReasonCode::malformed_packet, "bytes after the last field");
    }
    if (packet.packet_id == PacketId::none) {
        return fail(ReasonCode::protocol_error, "packet identifier is 0");
    }
    if (reader.remaining() == 0) {
        return std::nullopt;
    }
    packet.reason = ReasonCode{reader.u8()};
    // [v5 MQTT-3.4.2-1] [v5 MQTT-3.5.2-1] [v5 MQTT-3.6.2-1] [v5 MQTT-3.7.2-1]
    if (!allows(packet.reason, packet.type)) {
        return fail(ReasonCode::protocol_error, "reason code has no place in this packet");
    }
    return reader.remaining() == 0 ? std::nullopt : read_properties(reader, packet);
}

}  // namespace

Result<AckView> decode_ack(const FrameView& frame, Version version) {
    Result<AckView> result;
    if (const auto error = decode(frame, version, *result)) {
        result = *error;
    }
    return result;
}

std::size_t encoded_size(const AckView& packet, Version version) {
    return packet_size(body_size(packet, version));
}

void encode(const AckView& packet, Version version, ByteWriter& out) {
    const std::size_t size = body_size(packet, version);
    put_fixed_header(out, packet.type, flags_of(packet.type), size);
    out.u16(to_wire(packet.packet_id));
    if (size == 2) {
        return;
    }
    out.u8(to_wire(packet.reason));
    if (packet.reason_string) {
        put_block_length(out, properties_size(packet));
        put_utf8(out, PropertyId::reason_string, *packet.reason_string);
    }
}

}  // namespace martlet::protocol
