// Unchecked-size cursor that writes wire forms into memory the caller has sized with
// encoded_size(). Ownership: borrows the memory. Threading: its caller's thread only. Invariant:
// writing past the end is a programming error (asserted).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/byte_reader.hpp"

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
    std::byte* begin_;
    std::byte* next_;
    std::byte* end_;
};

}  // namespace martlet::protocol
