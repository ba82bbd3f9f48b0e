#include "conformance/suite/bytes.hpp"

#include <fmt/format.h>

namespace martlet::conformance {

namespace {

constexpr std::size_t shown_max = 64;

char to_char(unsigned value) {
    return static_cast<char>(value & 0xFFU);
}

unsigned to_unsigned(char byte) {
    return static_cast<unsigned char>(byte);
}

}  // namespace

Bytes u8(unsigned value) {
    return Bytes(1, to_char(value));
}

Bytes u16(unsigned value) {
    return u8(value >> 8) + u8(value);
}

Bytes u32(std::uint32_t value) {
    return u16(value >> 16) + u16(value);
}

Bytes varint(std::uint32_t value) {
    Bytes bytes;
    do {
        const unsigned more = value > 0x7F ? 0x80 : 0;
        bytes += u8((value & 0x7FU) | more);
        value >>= 7;
    } while (value != 0);
    return bytes;
}

Bytes str(std::string_view text) {
    return u16(static_cast<unsigned>(text.size())).append(text);
}

Bytes frame(unsigned first_byte, std::string_view body) {
    return u8(first_byte).append(varint(static_cast<std::uint32_t>(body.size()))).append(body);
}

std::string to_hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes.substr(0, shown_max)) {
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", to_unsigned(byte));
    }
    if (bytes.size() > shown_max) {
        text += fmt::format(" ... ({} bytes)", bytes.size());
    }
    return text;
}

std::string printable(std::string_view text) {
    std::string shown;
    for (const char byte : text.substr(0, shown_max)) {
        if (byte >= ' ' && byte <= '~') {
            shown += byte;
        } else {
            shown += fmt::format("\\x{:02x}", to_unsigned(byte));
        }
    }
    if (text.size() > shown_max) {
        shown += fmt::format("... ({} bytes)", text.size());
    }
    return shown;
}

std::string_view Reader::take(std::size_t count) {
    if (count > rest_.size()) {
        throw Malformed{fmt::format("{} bytes wanted, {} left", count, rest_.size())};
    }
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
}

unsigned Reader::u8() {
    return to_unsigned(take(1).front());
}

unsigned Reader::u16() {
    const unsigned high = u8();
    return high << 8 | u8();
}

std::uint32_t Reader::u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
}

std::uint32_t Reader::varint() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        const unsigned byte = u8();
        value |= (byte & 0x7FU) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift > 0) {
                throw Malformed{"a Variable Byte Integer is longer than it needs to be"};
            }
            return value;
        }
    }
    throw Malformed{"a Variable Byte Integer of more than four bytes"};
}

std::string Reader::str() {
    return std::string(take(u16()));
}

bool is_well_formed_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const unsigned lead = to_unsigned(text[at++]);
        if (lead == 0) {
            return false;  // U+0000 has no place in MQTT's text
        }
        if (lead < 0x80) {
            continue;
        }
        const unsigned following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || at + following > text.size()) {
            return false;
        }
        std::uint32_t point = lead & (0x3FU >> following);
        for (unsigned i = 0; i < following; ++i) {
            const unsigned byte = to_unsigned(text[at++]);
            if ((byte & 0xC0U) != 0x80) {
                return false;
            }
            point = point << 6 | (byte & 0x3FU);
        }
        const bool is_overlong = following == 2 ? point < 0x800 : following == 3 && point < 0x10000;
        if (is_overlong || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
            return false;
        }
    }
    return true;
}

}  // namespace martlet::conformance
