#include "protocol/properties.hpp"

#include "protocol/property_table.hpp"
#include "protocol/topic.hpp"
#include "protocol/varint.hpp"

namespace martlet::protocol {

namespace {

void read_value(ByteReader& reader, PropertyType type, PropertyView& property) {
    switch (type) {
        case PropertyType::byte:
            property.number = reader.u8();
            return;
        case PropertyType::u16:
            property.number = reader.u16();
            return;
        case PropertyType::u32:
            property.number = reader.u32();
            return;
        case PropertyType::varint:
            property.number = reader.varint();
            return;
        case PropertyType::utf8:
            property.data = as_bytes(reader.utf8());
            return;
        case PropertyType::binary:
            property.data = reader.binary();
            return;
        case PropertyType::utf8_pair:  // [v5 MQTT-1.5.7-1]
            property.name = reader.utf8();
            property.data = as_bytes(reader.utf8());
            return;
    }
}

// What is wrong with a value of the right type; null if nothing.
const char* broken_rule(PropertyRule rule, const PropertyView& property) {
    switch (rule) {
        case PropertyRule::any:
            return nullptr;
        case PropertyRule::flag:
            return property.number <= 1 ? nullptr : "a property is neither 0 nor 1";
        case PropertyRule::not_zero:  // [v5 MQTT-3.3.2-8] for topic_alias
            return property.number != 0 ? nullptr : "a property is 0 that must not be";
        case PropertyRule::no_wildcard:  // [v5 MQTT-3.3.2-14]
            return !has_wildcard(as_text(property.data)) ? nullptr
                                                         : "response topic contains a wildcard";
    }
    return nullptr;
}

}  // namespace

std::optional<PropertyView> PropertyReader::next() {
    std::optional<PropertyView> property;
    if (reader_.remaining() != 0 && !error_) {
        if (!read(property.emplace())) {
            property.reset();
        }
    }
    return property;
}

bool PropertyReader::read(PropertyView& property) {
    const std::byte* const start = reader_.position();
    const std::uint8_t id = reader_.u8();
    const PropertyRow* const row = find_property(id);
    if (row == nullptr) {
        return refuse(ReasonCode::malformed_packet, "unknown property");
    }
    const OwnerSet owner = owner_bit(owner_);
    if ((row->permitted & owner) == 0) {
        return refuse(ReasonCode::malformed_packet, "a property has no place in this packet");
    }
    const std::uint64_t seen_bit = std::uint64_t{1} << id;
    if ((seen_ & seen_bit) != 0 && (row->repeatable & owner) == 0) {
        return refuse(ReasonCode::protocol_error, "a property is repeated");
    }
    seen_ |= seen_bit;
    property.id = row->id;
    read_value(reader_, row->type, property);
    if (reader_.failed()) {
        return refuse(ReasonCode::malformed_packet, reader_.fault());
    }
    if (const char* const what = broken_rule(row->rule, property)) {
        return refuse(ReasonCode::protocol_error, what);
    }
    property.whole = Bytes{start, reader_.position()};
    return true;
}

bool PropertyReader::refuse(ReasonCode reason, const char* what) {
    error_ = fail(reason, what);
    return false;
}

std::size_t property_size_byte() {
    return 2;
}

std::size_t property_size_u16() {
    return 3;
}

std::size_t property_size_u32() {
    return 5;
}

std::size_t property_size_varint(std::uint32_t value) {
    return 1 + varint_size(value);
}

std::size_t property_size_utf8(std::string_view text) {
    return 3 + text.size();
}

std::size_t property_size_binary(Bytes data) {
    return 3 + data.size();
}

namespace {

void put_id(ByteWriter& out, PropertyId id) {
    out.u8(static_cast<std::uint8_t>(id));
}

}  // namespace

void put_byte(ByteWriter& out, PropertyId id, std::uint8_t value) {
    put_id(out, id);
    out.u8(value);
}

void put_u16(ByteWriter& out, PropertyId id, std::uint16_t value) {
    put_id(out, id);
    out.u16(value);
}

void put_u32(ByteWriter& out, PropertyId id, std::uint32_t value) {
    put_id(out, id);
    out.u32(value);
}

void put_varint(ByteWriter& out, PropertyId id, std::uint32_t value) {
    put_id(out, id);
    out.varint(value);
}

void put_utf8(ByteWriter& out, PropertyId id, std::string_view text) {
    put_id(out, id);
    out.utf8(text);
}

void put_binary(ByteWriter& out, PropertyId id, Bytes data) {
    put_id(out, id);
    out.binary(data);
}

}  // namespace martlet::protocol
