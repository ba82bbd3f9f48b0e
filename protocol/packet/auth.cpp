#include "protocol/packet/auth.hpp"

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"

namespace martlet::protocol {

namespace {

Result<void> read_properties(Bytes block, AuthView& packet) {
    PropertyReader properties{block, PropertyOwner::auth};
    while (const auto property = properties.next()) {
        switch (property->id) {
            case PropertyId::authentication_method:
                packet.method = as_text(property->data);
                break;
            case PropertyId::authentication_data:
                packet.data = property->data;
                break;
            case PropertyId::reason_string:
                packet.reason_string = as_text(property->data);
                break;
            default:
                break;
        }
    }
    if (properties.error()) {
        return *properties.error();
    }
    return {};
}

template <class Sink>
void put_properties(const AuthView& packet, Sink& sink) {
    if (packet.method) {
        sink.utf8(PropertyId::authentication_method, *packet.method);
    }
    if (packet.data) {
        sink.binary(PropertyId::authentication_data, *packet.data);
    }
    if (packet.reason_string) {
        sink.utf8(PropertyId::reason_string, *packet.reason_string);
    }
}

std::size_t properties_size(const AuthView& packet) {
    PropertySizer sizer;
    put_properties(packet, sizer);
    return sizer.size;
}

std::size_t body_size(const AuthView& packet) {
    const std::size_t properties = properties_size(packet);
    if (packet.reason == ReasonCode::success && properties == 0) {
        return 0;
    }
    return 1 + block_size(properties);
}

}  // namespace

Result<AuthView> decode_auth(const FrameView& frame) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::auth);
    // [v5 MQTT-3.15.1-1]
    if (const auto header = check_fixed_header(frame, 0, Version::v5_0); !header) {
        return header.error();
    }
    AuthView packet;
    if (frame.body.empty()) {
        return packet;
    }
    ByteReader reader{frame.body};
    packet.reason = ReasonCode{reader.u8()};
    const Bytes block = reader.bytes(reader.varint());
    if (reader.failed() || reader.remaining() != 0) {
        return fail(ReasonCode::malformed_packet, "properties do not fill the AUTH packet");
    }
    if (!allows(packet.reason, PacketType::auth)) {  // [v5 MQTT-3.15.2-1]
        return fail(ReasonCode::protocol_error, "reason code has no place in AUTH");
    }
    if (const auto properties = read_properties(block, packet); !properties) {
        return properties.error();
    }
    if (!packet.method) {
        return fail(ReasonCode::protocol_error, "AUTH without an authentication method");
    }
    return packet;
}

std::size_t encoded_size(const AuthView& packet) {
    return packet_size(body_size(packet));
}

void encode(const AuthView& packet, ByteWriter& out) {
    const std::size_t size = body_size(packet);
    put_fixed_header(out, PacketType::auth, 0, size);
    if (size == 0) {
        return;
    }
    out.u8(to_wire(packet.reason));
    put_block_length(out, properties_size(packet));
    PropertyWriter writer{out};
    put_properties(packet, writer);
}

}  // namespace martlet::protocol
