// Two sinks for one list of properties: a packet names what it carries once, in a function template
// over the sink, and gets both the size of its block and the bytes from it.
// Threading: its caller's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/assert.hpp"
#include "protocol/byte_writer.hpp"
#include "protocol/properties.hpp"

namespace martlet::protocol {

struct PropertySizer {
    std::size_t size = 0;

    void byte(PropertyId, std::uint8_t) { size += property_size_byte(); }
    void flag(PropertyId, bool) { size += property_size_byte(); }
    void u16(PropertyId, std::uint16_t) { size += property_size_u16(); }
    void u32(PropertyId, std::uint32_t) { size += property_size_u32(); }
    void varint(PropertyId, std::uint32_t value) { size += property_size_varint(value); }
    void utf8(PropertyId, std::string_view text) { size += property_size_utf8(text); }
    void binary(PropertyId, Bytes data) { size += property_size_binary(data); }
    void encoded(Bytes block) { size += block.size(); }
};

struct PropertyWriter {
    ByteWriter& out;

    void byte(PropertyId id, std::uint8_t value) { put_byte(out, id, value); }
    void flag(PropertyId id, bool value) { put_byte(out, id, value ? 1 : 0); }
    void u16(PropertyId id, std::uint16_t value) { put_u16(out, id, value); }
    void u32(PropertyId id, std::uint32_t value) { put_u32(out, id, value); }
    void varint(PropertyId id, std::uint32_t value) { put_varint(out, id, value); }
    void utf8(PropertyId id, std::string_view text) { put_utf8(out, id, text); }
    void binary(PropertyId id, Bytes data) { put_binary(out, id, data); }
    void encoded(Bytes block) { out.bytes(block); }
};

// A block with its length in front [v5 MQTT-2.2.2-1].
inline std::size_t block_size(std::size_t properties_size) {
    MARTLET_ASSERT(properties_size <= varint_max);
    return varint_size(static_cast<std::uint32_t>(properties_size)) + properties_size;
}

inline void put_block_length(ByteWriter& out, std::size_t properties_size) {
    MARTLET_ASSERT(properties_size <= varint_max);
    out.varint(static_cast<std::uint32_t>(properties_size));
}

}  // namespace martlet::protocol
