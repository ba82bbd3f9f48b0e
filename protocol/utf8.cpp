#include "protocol/utf8.hpp"

#include <cstddef>

namespace martlet::protocol {

namespace {

bool is_continuation(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

// Length of the well-formed sequence at the front of `s`, 0 if there is none. The ranges of the
// second byte are those of RFC 3629 section 4: they rule out overlong forms, surrogates and code
// points above U+10FFFF, so that no code point has to be put together.
std::size_t sequence_size(const unsigned char* s, std::size_t size) {
    const unsigned char lead = s[0];
    if (lead < 0x80) {
        // [v3.1.1 MQTT-1.5.3-2] [v5 MQTT-1.5.4-2] [v5 MQTT-4.7.3-2]
        return lead != 0 ? 1 : 0;
    }
    if (lead < 0xC2) {  // a continuation byte, or an overlong two-byte form
        return 0;
    }
    if (lead < 0xE0) {
        return size >= 2 && is_continuation(s[1]) ? 2 : 0;
    }
    if (lead < 0xF0) {
        const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned char high = lead == 0xED ? 0x9F : 0xBF;
        return size >= 3 && s[1] >= low && s[1] <= high && is_continuation(s[2]) ? 3 : 0;
    }
    if (lead < 0xF5) {
        const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;
        return size >= 4 && s[1] >= low && s[1] <= high && is_continuation(s[2]) &&
                       is_continuation(s[3])
                   ? 4
                   : 0;
    }
    return 0;
}

}  // namespace

bool is_valid_utf8_general(std::string_view text) {
    const auto* next = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t left = text.size();
    while (left != 0) {
        if (left >= 8 &&
            swar::is_plain_ascii(swar::load<std::uint64_t>(reinterpret_cast<const char*>(next)))) {
            next += 8;
            left -= 8;
            continue;
        }
        const std::size_t size = sequence_size(next, left);
        if (size == 0) {
            return false;
        }
        next += size;
        left -= size;
    }
    return true;
}

// U+0000 is one byte that is part of no other character, so the text can be cut at it.
bool is_well_formed_utf8(std::string_view text) {
    while (true) {
        const std::size_t end = text.find('\0');
        if (!is_valid_utf8(text.substr(0, end))) {
            return false;
        }
        if (end == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(end + 1);
    }
}

}  // namespace martlet::protocol
