#include "server/app/printable.hpp"

#include <cstddef>
#include <cstdint>

namespace martlet::app {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_hex(std::string& out, std::string_view prefix, unsigned char byte) {
    out += prefix;
    out += hex_digits[byte >> 4U];
    out += hex_digits[byte & 0x0fU];
}

// A C1 control in UTF-8 is C2 followed by 80 to 9F.
bool is_c1_control(std::string_view text) {
    return text.size() >= 2 && static_cast<unsigned char>(text[0]) == 0xc2 &&
           static_cast<unsigned char>(text[1]) >= 0x80 &&
           static_cast<unsigned char>(text[1]) <= 0x9f;
}

// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none (RFC 3629).
std::size_t utf8_sequence_length(std::string_view text) {
    const auto byte_at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte_at(0);
    if (first < 0x80) {
        return 1;
    }
    std::size_t length = 0;
    if (first >= 0xc2 && first <= 0xdf) {
        length = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        length = 3;
    } else if (first >= 0xf0 && first <= 0xf4) {
        length = 4;
    }
    if (length == 0 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(i) & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    const unsigned char second = byte_at(1);
    const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool is_surrogate = first == 0xed && second >= 0xa0;
    const bool is_too_large = first == 0xf4 && second >= 0x90;
    return is_overlong || is_surrogate || is_too_large ? 0 : length;
}

// The short escape of a control character, or 0.
char short_escape(char character) {
    switch (character) {
        case '\n':
            return 'n';
        case '\r':
            return 'r';
        case '\t':
            return 't';
        default:
            return 0;
    }
}

void append_escaped_control(std::string& out, char character, std::string_view hex_prefix) {
    if (const char letter = short_escape(character); letter != 0) {
        out += '\\';
        out += letter;
    } else {
        append_hex(out, hex_prefix, static_cast<unsigned char>(character));
    }
}

}  // namespace

void append_printable(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            out += "\\\\";
        } else if (is_control(text[i])) {
            append_escaped_control(out, text[i], "\\x");
        } else if (is_c1_control(text.substr(i))) {
            append_hex(out, "\\x", static_cast<unsigned char>(text[++i]));
        } else {
            out += text[i];
        }
    }
}

void append_json(std::string& out, std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const std::size_t length = utf8_sequence_length(text.substr(i));
        if (length == 0) {
            out += "\xef\xbf\xbd";  // U+FFFD
            ++i;
            continue;
        }
        if (text[i] == '\\' || text[i] == '"') {
            out += '\\';
            out += text[i];
        } else if (is_control(text[i])) {
            append_escaped_control(out, text[i], "\\u00");
        } else if (is_c1_control(text.substr(i))) {
            append_hex(out, "\\u00", static_cast<unsigned char>(text[i + 1]));
        } else {
            out += text.substr(i, length);
        }
        i += length;
    }
}

}  // namespace martlet::app
