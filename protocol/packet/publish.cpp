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
    if (!is_valid_utf8(packet.topic)) {  // [v3.1.1 MQTT-3.3.2-1] [v5 MQTT-3.3.2-1]
        return fail(ReasonCode::malformed_packet,
                    "topic name is not well-formed UTF-8 or contains U+0000");
    }
    if (has_wildcard(packet.topic)) {  // [v3.1.1 MQTT-3.3.2-2] [v5 MQTT-3.3.2-2]
        return fail(ReasonCode::topic_name_invalid, "topic name contains a wildcard");
    }
    return std::nullopt;
}

const char* broken_flags(unsigned flags) {
    const unsigned qos = flags >> 1 & 3;
    if (qos == 3) {  // [v3.1.1 MQTT-3.3.1-4] [v5 MQTT-3.3.1-4]
        return "QoS 3";
    }
    return nullptr;
}

bool is_plain_topic(std::string_view topic) {
    return swar::all_words(topic.data(), topic.size(),
                           [](std::uint64_t word) { return swar::is_plain_topic(word); });
}

inline Result<PublishView> decode(const FrameView& frame, Version version, Sender sender) {
    MARTLET_DEBUG_ASSERT(frame.type == PacketType::publish);
    const unsigned flags = frame.flags;
    if (const char* const what = broken_flags(flags)) {
        return fail(ReasonCode::malformed_packet, what);
    }
    Result<PublishView> result;  // filled in place
    PublishView& packet = *result;
    packet.dup = (flags & dup_flag) != 0;
    packet.retain = (flags & retain_flag) != 0;
    packet.qos = static_cast<QoS>(flags >> 1 & 3);
    if (packet.dup && packet.qos == QoS::at_most_once) {  // [v3.1.1 MQTT-3.3.1-2] [v5 MQTT-3.3.1-2]
        return fail(ReasonCode::protocol_error, "DUP is set on a QoS 0 message");
    }
    if (!has_valid_length(frame, version)) {
        return fail(ReasonCode::malformed_packet, "remaining length is longer than needed");
    }
    ByteReader reader{frame.body};
    packet.topic = as_text(reader.binary());
    if (packet.qos != QoS::at_most_once) {
        packet.packet_id = PacketId{reader.u16()};
    }
    if (is_v5(version)) {
        packet.properties = reader.bytes(reader.varint());
    }
    if (reader.failed()) {
        return fail(ReasonCode::malformed_packet, reader.fault());
    }
    packet.payload = reader.rest();
    if (!packet.properties.empty()) {
        if (const auto error = read_properties(packet, sender)) {
            return *error;
        }
    }
    // [v3.1.1 MQTT-2.3.1-1] [v5 MQTT-2.2.1-3]
    if (packet.qos != QoS::at_most_once && packet.packet_id == PacketId::none) {
        return fail(ReasonCode::protocol_error, "packet identifier is 0");
    }
    if (packet.topic.empty() || !is_plain_topic(packet.topic)) {
        if (const auto error = check_topic(packet, version)) {
            return *error;
        }
    }
    return result;
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
    return decode(frame, version, Sender::client);
}

Result<PublishView> decode_publish_from_server(const FrameView& frame, Version version) {
    return decode(frame, version, Sender::server);
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
