#include "protocol/packet/publish.hpp"

#include "protocol/fixed_header.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_sink.hpp"
#include "protocol/property_table.hpp"
#include "protocol/topic.hpp"

namespace martlet::protocol {

namespace {

enum class Sender : std::uint8_t { client, server };

constexpr unsigned dup_flag = 0x08;
constexpr unsigned retain_flag = 0x01;

// Takes what the broker acts on out of the block; the rest is only checked.
std::optional<DecodeError> read_properties(PublishView& packet, Sender sender) {
    PropertyReader properties{packet.properties, PropertyOwner::publish};
    while (const auto property = properties.next()) {
        switch (property->id) {
            case PropertyId::payload_format_indicator:
                packet.payload_is_utf8 = property->number == 1;
                break;
            case PropertyId::message_expiry_interval:
                packet.has_message_expiry = true;
                packet.message_expiry_interval_s = property->number;
                break;
            case PropertyId::topic_alias:
                packet.topic_alias = static_cast<std::uint16_t>(property->number);
                break;
            case PropertyId::subscription_identifier:
                if (sender == Sender::client) {  // [v5 MQTT-3.3.4-6]
                    return fail(ReasonCode::protocol_error,
                                "a client's PUBLISH has a subscription identifier");
                }
                break;
            default:
                break;
        }
    }
    return properties.error();
}

// For a topic that is not plain ASCII without wildcards. Which of its faults counts matters to the
// reason only.
std::optional<DecodeError> check_topic(const PublishView& packet, Version version) {
    if (packet.topic.empty()) {  // [v3.1.1 MQTT-4.7.3-1]
        if (!is_v5(version)) {
            return fail(ReasonCode::topic_name_invalid, "topic name is empty");
        }
        if (packet.topic_alias == 0) {
            return fail(ReasonCode::protocol_error, "neither a topic name nor a topic alias");
        }
        return std::nullopt;
    }
    if (!is_valid_utf8_general(packet.topic)) {  // [v3.1.1 MQTT-3.3.2-1] [v5 MQTT-3.3.2-1]
        return fail(ReasonCode::malformed_packet,
                    "topic name is not well-formed UTF-8 or contains U+0000");
    }
    if (has_wildcard(packet.topic)) {  // [v3.1.1 MQTT-3.3.2-2] [v5 MQTT-3.3.2-2]
        return fail(ReasonCode::topic_name_invalid, "topic name contains a wildcard");
    }
    return std::nullopt;
}

bool is_plain_topic(std::string_view topic) {
    return swar::all_words(topic.data(), topic.size(),
                           [](std::uint64_t word) { return swar::is_plain_topic(word); });
}

// Fills `packet`, which lies where the caller wants its result: a PublishView put together here and
// copied there costs as much as all the checks.
inline std::optional<DecodeError> decode(const FrameView& frame, Version version, Sender sender,
                                         PublishView& packet) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::publish);
    const unsigned flags = frame.flags;
    const auto qos = qos_from_wire(flags >> 1 & 3);
    if (!qos) {  // [v3.1.1 MQTT-3.3.1-4] [v5 MQTT-3.3.1-4]
        return fail(ReasonCode::malformed_packet, "QoS 3");
    }
    const bool has_packet_id = *qos != QoS::at_most_once;
    packet.dup = (flags & dup_flag) != 0;
    packet.retain = (flags & retain_flag) != 0;
    packet.qos = *qos;
    if (packet.dup && !has_packet_id) {  // [v3.1.1 MQTT-3.3.1-2] [v5 MQTT-3.3.1-2]
        return fail(ReasonCode::protocol_error, "DUP is set on a QoS 0 message");
    }
    if (!has_valid_length(frame, version)) {
        return fail(ReasonCode::malformed_packet, "remaining length is longer than needed");
    }
    ByteReader reader{frame.body};
    packet.topic = as_text(reader.binary());
    if (has_packet_id) {
        packet.packet_id = PacketId{reader.u16()};
    }
    if (is_v5(version)) {
        packet.properties = reader.bytes(reader.varint());
    }
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    packet.payload = reader.rest();
    if (has_packet_id && packet.packet_id == PacketId::none) {
        // [v3.1.1 MQTT-2.3.1-1] [v5 MQTT-2.2.1-3]
        return fail(ReasonCode::protocol_error, "packet identifier is 0");
    }
    if (!packet.properties.empty()) {
        if (const auto error = read_properties(packet, sender)) {
            return error;
        }
    } else if (!has_packet_id) {
        packet.is_plain = true;
    }
    if (packet.topic.empty() || !is_plain_topic(packet.topic)) {
        return check_topic(packet, version);
    }
    return std::nullopt;
}

// What belongs to one connection or is counted down for each delivery.
bool is_forwarded(PropertyId id) {
    return id != PropertyId::message_expiry_interval && id != PropertyId::topic_alias &&
           id != PropertyId::subscription_identifier && id != PropertyId::will_delay_interval;
}

// Steps over one property of a block that was checked when it was received.
PropertyId skip_property(ByteReader& reader) {
    const PropertyRow* const row = find_property(reader.u8());
    if (row == nullptr) {
        reader.set_failed("unknown property");
        return {};
    }
    switch (row->type) {
        case PropertyType::byte:
            reader.bytes(1);
            break;
        case PropertyType::u16:
            reader.bytes(2);
            break;
        case PropertyType::u32:
            reader.bytes(4);
            break;
        case PropertyType::varint:
            reader.varint();
            break;
        case PropertyType::utf8:
        case PropertyType::binary:
            reader.binary();
            break;
        case PropertyType::utf8_pair:
            reader.binary();
            reader.binary();
            break;
    }
    return row->id;
}

// Calls `emit` with each longest run of properties that travel on together. A damaged block, which
// only a programming error could bring here, ends the walk.
template <class Emit>
void for_each_forwarded_run(Bytes block, Emit emit) {
    ByteReader reader{block};
    const std::byte* run = reader.position();
    const std::byte* end = run;
    while (reader.remaining() != 0) {
        const PropertyId id = skip_property(reader);
        if (reader.failed()) {
            break;
        }
        if (!is_forwarded(id)) {
            if (run != end) {
                emit(Bytes{run, end});
            }
            run = reader.position();
        }
        end = reader.position();
    }
    if (run != end) {
        emit(Bytes{run, end});
    }
}

}  // namespace

Result<PublishView> decode_publish(const FrameView& frame, Version version) {
    Result<PublishView> result;
    if (const auto error = decode(frame, version, Sender::client, *result)) {
        result = *error;
    }
    return result;
}

Result<PublishView> decode_publish_from_server(const FrameView& frame, Version version) {
    Result<PublishView> result;
    if (const auto error = decode(frame, version, Sender::server, *result)) {
        result = *error;
    }
    return result;
}

std::size_t forwarded_properties_size(Bytes block) {
    std::size_t size = 0;
    for_each_forwarded_run(block, [&size](Bytes run) { size += run.size(); });
    return size;
}

void copy_forwarded_properties(Bytes block, ByteWriter& out) {
    for_each_forwarded_run(block, [&out](Bytes run) { out.bytes(run); });
}

namespace {

std::size_t body_size(const PublishView& packet, Version version) {
    return 2 + packet.topic.size() + (packet.qos == QoS::at_most_once ? 0 : 2) +
           (is_v5(version) ? block_size(packet.properties.size()) : 0) + packet.payload.size();
}

}  // namespace

std::size_t encoded_size(const PublishView& packet, Version version) {
    return packet_size(body_size(packet, version));
}

void encode(const PublishView& packet, Version version, ByteWriter& out) {
    const unsigned flags =
        (packet.dup ? dup_flag : 0) | to_wire(packet.qos) << 1 | (packet.retain ? retain_flag : 0);
    put_fixed_header(out, PacketType::publish, flags, body_size(packet, version));
    out.utf8(packet.topic);
    if (packet.qos != QoS::at_most_once) {  // [v3.1.1 MQTT-2.3.1-5] [v5 MQTT-2.2.1-2]
        out.u16(to_wire(packet.packet_id));
    }
    if (is_v5(version)) {
        put_block_length(out, packet.properties.size());
        out.bytes(packet.properties);
    }
    out.bytes(packet.payload);
}

}  // namespace martlet::protocol
