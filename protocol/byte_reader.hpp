// Bounds-checked cursor over received bytes.
// Ownership: borrows the bytes. Threading: its caller's thread only.
//
// Sticky: after the first failed read every further read returns zero or an empty view, so decoders
// read field after field and check failed() once. Views returned point into the borrowed bytes.
// Invariant: failed() implies remaining() == 0, so that each read needs one comparison only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "protocol/utf8.hpp"

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
    // Variable Byte Integer, at most four bytes and not longer than needed [v5 MQTT-1.5.5-1].
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
    bool failed() const { return fault_ != nullptr; }
    // What the first failed read stumbled over, for the log; null while none has failed.
    const char* fault() const { return fault_; }
    void set_failed() { set_failed("ends before its last field"); }
    void set_failed(const char* fault);

private:
    unsigned peek(std::size_t index) const { return std::to_integer<unsigned>(next_[index]); }

    const std::byte* next_;
    const std::byte* end_;
    const char* fault_ = nullptr;
};

inline void ByteReader::set_failed(const char* fault) {
    if (fault_ == nullptr) {
        fault_ = fault;
    }
    next_ = end_;
}

inline std::uint8_t ByteReader::u8() {
    if (remaining() < 1) {
        set_failed();
        return 0;
    }
    const unsigned value = peek(0);
    next_ += 1;
    return static_cast<std::uint8_t>(value);
}

inline std::uint16_t ByteReader::u16() {
    if (remaining() < 2) {
        set_failed();
        return 0;
    }
    const unsigned value = peek(0) << 8 | peek(1);
    next_ += 2;
    return static_cast<std::uint16_t>(value);
}

inline std::uint32_t ByteReader::u32() {
    if (remaining() < 4) {
        set_failed();
        return 0;
    }
    const std::uint32_t value = peek(0) << 24 | peek(1) << 16 | peek(2) << 8 | peek(3);
    next_ += 4;
    return value;
}

// All of it inline: a call would force the cursor out of registers, also for the many lengths that
// fit one byte.
inline std::uint32_t ByteReader::varint() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        const std::uint32_t byte = u8();
        value |= (byte & 0x7F) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift != 0) {  // [v5 MQTT-1.5.5-1]
                set_failed("a variable byte integer is cut off or longer than needed");
                return 0;
            }
            return value;
        }
    }
    set_failed("a variable byte integer has more than four bytes");
    return 0;
}

inline Bytes ByteReader::bytes(std::size_t size) {
    if (remaining() < size) {
        set_failed();
        return {};
    }
    const Bytes view{next_, size};
    next_ += size;
    return view;
}

inline Bytes ByteReader::binary() {
    return bytes(u16());
}

inline std::string_view ByteReader::utf8() {
    const std::string_view text = as_text(binary());
    if (!is_valid_utf8(text)) {
        set_failed("a string is not well-formed UTF-8 or contains U+0000");
        return {};
    }
    return text;
}

}  // namespace martlet::protocol
