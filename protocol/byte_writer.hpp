// Unchecked-size cursor that writes wire forms into memory the caller has sized with
// encoded_size(). Ownership: borrows the memory. Threading: its caller's thread only. Invariant:
// writing past the end is a programming error (asserted).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "protocol/assert.hpp"
#include "protocol/byte_reader.hpp"
#include "protocol/varint.hpp"

namespace martlet::protocol {

class ByteWriter {
public:
    explicit ByteWriter(std::span<std::byte> out)
        : begin_(out.data()), next_(out.data()), end_(out.data() + out.size()) {}

    void u8(std::uint8_t value);
    void u16(std::uint16_t value);
    void u32(std::uint32_t value);
    void varint(std::uint32_t value);
    void bytes(Bytes value);
    // Two length bytes, then the bytes; at most 65,535.
    void binary(Bytes value);
    void utf8(std::string_view value) { binary(as_bytes(value)); }

    std::size_t written() const { return static_cast<std::size_t>(next_ - begin_); }

private:
    void need(std::size_t size) { MARTLET_ASSERT(size <= static_cast<std::size_t>(end_ - next_)); }
    void put(std::uint32_t value) { *next_++ = static_cast<std::byte>(value); }

    std::byte* begin_;
    std::byte* next_;
    std::byte* end_;
};

inline void ByteWriter::u8(std::uint8_t value) {
    need(1);
    put(value);
}

inline void ByteWriter::u16(std::uint16_t value) {
    need(2);
    put(value >> 8U);
    put(value);
}

inline void ByteWriter::u32(std::uint32_t value) {
    need(4);
    put(value >> 24);
    put(value >> 16);
    put(value >> 8);
    put(value);
}

inline void ByteWriter::varint(std::uint32_t value) {
    MARTLET_ASSERT(value <= varint_max);
    need(varint_size(value));
    while (value >= 0x80) {  // [v5 MQTT-1.5.5-1]
        put((value & 0x7F) | 0x80);
        value >>= 7;
    }
    put(value);
}

inline void ByteWriter::bytes(Bytes value) {
    need(value.size());
    if (!value.empty()) {  // memcpy from null is undefined even for no bytes
        std::memcpy(next_, value.data(), value.size());
        next_ += value.size();
    }
}

inline void ByteWriter::binary(Bytes value) {
    MARTLET_ASSERT(value.size() <= 0xFFFF);
    u16(static_cast<std::uint16_t>(value.size()));
    bytes(value);
}

}  // namespace martlet::protocol
