#include "protocol/packet/unsubscribe.hpp"

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"

namespace martlet::protocol {

namespace {

Result<void> check_properties(Bytes block) {
    PropertyReader properties{block, PropertyOwner::unsubscribe};
    while (properties.next()) {
    }
    if (properties.error()) {
        return *properties.error();
    }
    return {};
}

// Checks every filter, so that walking them later cannot fail. Gives their number.
Result<std::size_t> check_filters(Bytes payload) {
    ByteReader reader{payload};
    std::size_t count = 0;
    while (reader.remaining() != 0) {
        reader.utf8();  // [v3.1.1 MQTT-3.10.3-1] [v5 MQTT-3.10.3-1]
        ++count;
    }
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    if (count == 0) {  // [v3.1.1 MQTT-3.10.3-2] [v5 MQTT-3.10.3-2]
        return fail(ReasonCode::protocol_error, "UNSUBSCRIBE without a topic filter");
    }
    return count;
}

}  // namespace

std::optional<std::string_view> FilterList::next() {
    if (reader_.remaining() == 0) {
        return std::nullopt;
    }
    const std::string_view filter = as_text(reader_.binary());
    if (reader_.failed()) {
        return std::nullopt;
    }
    return filter;
}

Result<UnsubscribeView> decode_unsubscribe(const FrameView& frame, Version version) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::unsubscribe);
    // [v3.1.1 MQTT-3.10.1-1] [v5 MQTT-3.10.1-1]
    if (const auto header = check_fixed_header(frame, 2, version); !header) {
        return header.error();
    }
    UnsubscribeView packet;
    ByteReader reader{frame.body};
    const auto start = read_start(reader, version);
    if (!start) {
        return start.error();
    }
    packet.packet_id = start->packet_id;
    if (const auto properties = check_properties(start->properties); !properties) {
        return properties.error();
    }
    const Bytes payload = reader.rest();
    const auto count = check_filters(payload);
    if (!count) {
        return count.error();
    }
    packet.count = *count;
    packet.filters = FilterList{payload};
    return packet;
}

namespace {

std::size_t body_size(const UnsubscribePacket& packet, Version version) {
    std::size_t size = 2 + (is_v5(version) ? block_size(0) : 0);
    for (const std::string_view filter : packet.filters) {
        size += 2 + filter.size();
    }
    return size;
}

}  // namespace

std::size_t encoded_size(const UnsubscribePacket& packet, Version version) {
    return packet_size(body_size(packet, version));
}

void encode(const UnsubscribePacket& packet, Version version, ByteWriter& out) {
    put_fixed_header(out, PacketType::unsubscribe, 2, body_size(packet, version));
    out.u16(to_wire(packet.packet_id));
    if (is_v5(version)) {
        put_block_length(out, 0);  // [v5 MQTT-2.2.2-1]
    }
    for (const std::string_view filter : packet.filters) {
        out.utf8(filter);
    }
}

}  // namespace martlet::protocol
