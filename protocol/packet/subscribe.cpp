#include "protocol/packet/subscribe.hpp"

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"
#include "protocol/topic.hpp"

namespace martlet::protocol {

namespace {

constexpr unsigned no_local_bit = 0x04;
constexpr unsigned retain_as_published_bit = 0x08;
constexpr unsigned reserved_bits_v5 = 0xC0;
constexpr unsigned reserved_bits_v3 = 0xFC;

std::optional<SubscriptionOptions> options_from_wire(unsigned bits) {
    const auto qos = qos_from_wire(bits & 3);
    const unsigned retain_handling = bits >> 4 & 3;
    if (!qos || retain_handling == 3) {
        return std::nullopt;
    }
    return SubscriptionOptions{.qos = *qos,
                               .no_local = (bits & no_local_bit) != 0,
                               .retain_as_published = (bits & retain_as_published_bit) != 0,
                               .retain_handling = static_cast<RetainHandling>(retain_handling)};
}

unsigned options_to_wire(const SubscriptionOptions& options, Version version) {
    if (!is_v5(version)) {
        return to_wire(options.qos);
    }
    return to_wire(options.qos) | (options.no_local ? no_local_bit : 0) |
           (options.retain_as_published ? retain_as_published_bit : 0) |
           static_cast<unsigned>(options.retain_handling) << 4;
}

Result<void> read_properties(Bytes block, SubscribeView& packet) {
    PropertyReader properties{block, PropertyOwner::subscribe};
    while (const auto property = properties.next()) {
        if (property->id == PropertyId::subscription_identifier) {
            packet.subscription_identifier = property->number;
        }
    }
    if (properties.error()) {
        return *properties.error();
    }
    return {};
}

Result<void> check_options(unsigned bits, std::string_view filter, Version version) {
    // [v5 MQTT-3.8.3-5]
    if ((bits & (is_v5(version) ? reserved_bits_v5 : reserved_bits_v3)) != 0) {
        return fail(ReasonCode::malformed_packet, "reserved subscription options are set");
    }
    const auto options = options_from_wire(bits);
    if (!options) {
        // 3.1.1 calls this malformed, 5.0 a protocol error.
        return fail(is_v5(version) ? ReasonCode::protocol_error : ReasonCode::malformed_packet,
                    "subscription options ask for QoS 3 or retain handling 3");
    }
    if (options->no_local && is_shared_filter(filter)) {  // [v5 MQTT-3.8.3-4]
        return fail(ReasonCode::protocol_error, "no local on a shared subscription");
    }
    return {};
}

// Checks every request, so that walking them later cannot fail. Gives their number.
Result<std::size_t> check_requests(Bytes payload, Version version) {
    ByteReader reader{payload};
    std::size_t count = 0;
    while (reader.remaining() != 0) {
        const std::string_view filter = reader.utf8();  // [v3.1.1 MQTT-3.8.3-1] [v5 MQTT-3.8.3-1]
        const unsigned bits = reader.u8();
        if (reader.failed()) {
            break;
        }
        if (const auto options = check_options(bits, filter, version); !options) {
            return options.error();
        }
        ++count;
    }
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    if (count == 0) {  // [v3.1.1 MQTT-3.8.3-3] [v5 MQTT-3.8.3-2]
        return fail(ReasonCode::protocol_error, "SUBSCRIBE without a topic filter");
    }
    return count;
}

}  // namespace

std::optional<SubscriptionRequestView> SubscriptionRequests::next() {
    if (reader_.remaining() == 0) {
        return std::nullopt;
    }
    const std::string_view filter = as_text(reader_.binary());
    const auto options = options_from_wire(reader_.u8());
    if (reader_.failed() || !options) {
        return std::nullopt;
    }
    return SubscriptionRequestView{.filter = filter, .options = *options};
}

Result<SubscribeView> decode_subscribe(const FrameView& frame, Version version) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::subscribe);
    // [v3.1.1 MQTT-3.8.1-1] [v5 MQTT-3.8.1-1]
    if (const auto header = check_fixed_header(frame, 2, version); !header) {
        return header.error();
    }
    SubscribeView packet;
    ByteReader reader{frame.body};
    const auto start = read_start(reader, version);
    if (!start) {
        return start.error();
    }
    packet.packet_id = start->packet_id;
    if (const auto properties = read_properties(start->properties, packet); !properties) {
        return properties.error();
    }
    const Bytes payload = reader.rest();
    const auto count = check_requests(payload, version);
    if (!count) {
        return count.error();
    }
    packet.count = *count;
    packet.requests = SubscriptionRequests{payload};
    return packet;
}

namespace {

std::size_t properties_size(const SubscribePacket& packet) {
    return packet.subscription_identifier == 0
               ? 0
               : property_size_varint(packet.subscription_identifier);
}

std::size_t body_size(const SubscribePacket& packet, Version version) {
    std::size_t size = 2 + (is_v5(version) ? block_size(properties_size(packet)) : 0);
    for (const SubscriptionRequestView& request : packet.requests) {
        size += 3 + request.filter.size();
    }
    return size;
}

}  // namespace

std::size_t encoded_size(const SubscribePacket& packet, Version version) {
    return packet_size(body_size(packet, version));
}

void encode(const SubscribePacket& packet, Version version, ByteWriter& out) {
    put_fixed_header(out, PacketType::subscribe, 2, body_size(packet, version));
    out.u16(to_wire(packet.packet_id));
    if (is_v5(version)) {
        put_block_length(out, properties_size(packet));
        if (packet.subscription_identifier != 0) {
            put_varint(out, PropertyId::subscription_identifier, packet.subscription_identifier);
        }
    }
    for (const SubscriptionRequestView& request : packet.requests) {
        out.utf8(request.filter);
        out.u8(static_cast<std::uint8_t>(options_to_wire(request.options, version)));
    }
}

}  // namespace martlet::protocol
