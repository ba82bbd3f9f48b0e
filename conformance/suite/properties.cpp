#include "conformance/suite/properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace martlet::conformance {

namespace {

enum class WireType { byte, two, four, varint, text, binary, pair };

WireType wire_type(PropertyId id) {
    using enum PropertyId;
    switch (id) {
        case payload_format:
        case request_problem_information:
        case request_response_information:
        case maximum_qos:
        case retain_available:
        case wildcard_available:
        case subscription_identifiers_available:
        case shared_available:
            return WireType::byte;
        case server_keep_alive:
        case receive_maximum:
        case topic_alias_maximum:
        case topic_alias:
            return WireType::two;
        case message_expiry:
        case session_expiry:
        case will_delay:
        case maximum_packet_size:
            return WireType::four;
        case subscription_identifier:
            return WireType::varint;
        case content_type:
        case response_topic:
        case assigned_client_id:
        case authentication_method:
        case response_information:
        case server_reference:
        case reason_string:
            return WireType::text;
        case correlation_data:
        case authentication_data:
            return WireType::binary;
        case user_property:
            return WireType::pair;
    }
    throw Malformed{fmt::format("property 0x{:02x} is unknown", static_cast<unsigned>(id))};
}

std::string checked_text(Reader& reader) {
    auto text = reader.str();
    if (!is_well_formed_utf8(text)) {
        throw Malformed{"a property's text is not well-formed UTF-8"};
    }
    return text;
}

Property decode_property(Reader& reader) {
    Property property{.id = static_cast<PropertyId>(reader.varint())};
    switch (wire_type(property.id)) {
        case WireType::byte:
            property.number = reader.u8();
            break;
        case WireType::two:
            property.number = reader.u16();
            break;
        case WireType::four:
            property.number = reader.u32();
            break;
        case WireType::varint:
            property.number = reader.varint();
            break;
        case WireType::text:
            property.text = checked_text(reader);
            break;
        case WireType::binary:
            property.text = reader.str();
            break;
        case WireType::pair:
            property.text = checked_text(reader);
            property.value = checked_text(reader);
            break;
    }
    return property;
}

}  // namespace

Property number(PropertyId id, std::uint32_t value) {
    return {.id = id, .number = value};
}

Property text(PropertyId id, std::string value) {
    return {.id = id, .text = std::move(value)};
}

Property user(std::string name, std::string value) {
    return {.id = PropertyId::user_property, .text = std::move(name), .value = std::move(value)};
}

Bytes encode(const Property& property) {
    const Bytes id = u8(static_cast<unsigned>(property.id));
    switch (wire_type(property.id)) {
        case WireType::byte:
            return id + u8(property.number);
        case WireType::two:
            return id + u16(property.number);
        case WireType::four:
            return id + u32(property.number);
        case WireType::varint:
            return id + varint(property.number);
        case WireType::text:
        case WireType::binary:
            return id + str(property.text);
        case WireType::pair:
            return id + str(property.text) + str(property.value);
    }
    return {};
}

Bytes encode(const Properties& properties) {
    Bytes bytes;
    for (const auto& property : properties) {
        bytes += encode(property);
    }
    return varint(static_cast<std::uint32_t>(bytes.size())) + bytes;
}

Properties decode_properties(Reader& reader) {
    Reader block{reader.take(reader.varint())};
    Properties properties;
    while (!block.is_at_end()) {
        auto property = decode_property(block);
        const bool may_repeat = property.id == PropertyId::user_property ||
                                property.id == PropertyId::subscription_identifier;
        const bool is_there =
            std::ranges::find(properties, property.id, &Property::id) != properties.end();
        if (is_there && !may_repeat) {
            throw Malformed{
                fmt::format("property 0x{:02x} comes twice", static_cast<unsigned>(property.id))};
        }
        properties.push_back(std::move(property));
    }
    return properties;
}

std::string to_text(const Properties& properties) {
    std::string all;
    for (const auto& property : properties) {
        const auto id = static_cast<unsigned>(property.id);
        switch (wire_type(property.id)) {
            case WireType::text:
            case WireType::binary:
                all += fmt::format(" 0x{:02x}='{}'", id, printable(property.text));
                break;
            case WireType::pair:
                all += fmt::format(" user '{}'='{}'", printable(property.text),
                                   printable(property.value));
                break;
            default:
                all += fmt::format(" 0x{:02x}={}", id, property.number);
        }
    }
    return all.empty() ? all : fmt::format(" {{{}}}", all.substr(1));
}

}  // namespace martlet::conformance
