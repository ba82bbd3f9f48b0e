// Bounds-checked cursor over received bytes.
// Ownership: borrows the bytes. Threading: its caller's thread only.
//
// Sticky: after the first failed read every further read returns zero or an empty view, so decoders
// read field after field and check failed() once. Views returned point into the borrowed bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace martlet::protocol {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

class ByteReader {
public:
    explicit ByteReader(Bytes bytes) : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    std::uint8_t u8();
    std::uint16_t u16();
    std::uint32_t u32();
    // Variable Byte Integer, at most four bytes [v5 MQTT-1.5.5-1].
    std::uint32_t varint();
    // `size` bytes as they are.
    Bytes bytes(std::size_t size);
    // Binary Data: two length bytes, then that many.
    Bytes binary();
    // UTF-8 Encoded String: as binary(); also fails on ill-formed UTF-8 and U+0000.
    std::string_view utf8();
    Bytes rest() { return bytes(remaining()); }

    std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }
    const std::byte* position() const { return next_; }
    bool failed() const { return failed_; }
    void set_failed();

private:
    const std::byte* next_;
    const std::byte* end_;
    bool failed_ = false;
};

}  // namespace martlet::protocol
