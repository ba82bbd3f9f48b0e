#include "protocol/packet/suback.hpp"

#include <algorithm>

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"

namespace martlet::protocol {

namespace {

constexpr std::uint8_t v3_failure = 0x80;

bool has_codes(PacketType type, Version version) {
    return type == PacketType::suback || is_v5(version);
}

std::size_t body_size(const SubackView& packet, Version version) {
    return 2 + (is_v5(version) ? 1 : 0) +
           (has_codes(packet.type, version) ? packet.codes.size() : 0);
}

// [v3.1.1 MQTT-3.9.3-2] [v5 MQTT-3.9.3-2] [v5 MQTT-3.11.3-2]
bool is_code_of(const SubackView& packet, Version version, ReasonCode code) {
    return is_v5(version) ? allows(code, packet.type)
                          : to_wire(code) <= 2 || to_wire(code) == v3_failure;
}

Result<void> skip_properties(ByteReader& reader, PacketType type) {
    const Bytes block = reader.bytes(reader.varint());
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    PropertyReader properties{
        block, type == PacketType::suback ? PropertyOwner::suback : PropertyOwner::unsuback};
    while (properties.next()) {
    }
    if (properties.error()) {
        return *properties.error();
    }
    return {};
}

// Nothing but a byte lies behind a ReasonCode, and every byte is a value of it, so the received
// bytes serve as they are.
std::span<const ReasonCode> as_codes(Bytes bytes) {
    static_assert(sizeof(ReasonCode) == 1);
    return {reinterpret_cast<const ReasonCode*>(bytes.data()), bytes.size()};
}

}  // namespace

std::size_t encoded_size(const SubackView& packet, Version version) {
    return packet_size(body_size(packet, version));
}

void encode(const SubackView& packet, Version version, ByteWriter& out) {
    put_fixed_header(out, packet.type, 0, body_size(packet, version));
    out.u16(to_wire(packet.packet_id));
    if (is_v5(version)) {
        put_block_length(out, 0);  // [v5 MQTT-2.2.2-1]
    }
    if (!has_codes(packet.type, version)) {
        return;
    }
    for (const ReasonCode code : packet.codes) {
        out.u8(!is_v5(version) && is_error(code) ? v3_failure : to_wire(code));
    }
}

Result<SubackView> decode_suback(const FrameView& frame, Version version) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::suback || frame.type == PacketType::unsuback);
    if (const auto header = check_fixed_header(frame, 0, version); !header) {
        return header.error();
    }
    SubackView packet;
    packet.type = frame.type;
    ByteReader reader{frame.body};
    packet.packet_id = PacketId{reader.u16()};
    if (is_v5(version)) {
        if (const auto properties = skip_properties(reader, packet.type); !properties) {
            return properties.error();
        }
    }
    packet.codes = as_codes(reader.rest());
    if (reader.failed() || packet.codes.empty() == has_codes(packet.type, version)) {
        return fail(ReasonCode::malformed_packet, "not as many codes as the packet must have");
    }
    if (packet.packet_id == PacketId::none) {
        return fail(ReasonCode::protocol_error, "packet identifier is 0");
    }
    if (!std::all_of(packet.codes.begin(), packet.codes.end(),
                     [&](ReasonCode code) { return is_code_of(packet, version, code); })) {
        return fail(ReasonCode::protocol_error, "reason code has no place in this packet");
    }
    return packet;
}

}  // namespace martlet::protocol
