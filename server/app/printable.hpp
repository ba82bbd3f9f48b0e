// Makes text from outside safe to show: what a client or a file says can hold line ends and
// terminal escapes, and must not be able to forge a line of the log. Threading: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace martlet::app {

constexpr bool is_control(char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte < 0x20 || byte == 0x7f;
}

// Appends `text` with control characters as \n, \r, \t or \xNN, and a backslash doubled, so that
// the result reads back unambiguously. The C1 controls (U+0080 to U+009F) are escaped too: some
// terminals obey them. Other bytes pass as they are.
void append_printable(std::string& out, std::string_view text);

// The same for the inside of a JSON string (RFC 8259): also '"', and bytes that are not UTF-8
// become U+FFFD, because a JSON text must be UTF-8.
void append_json(std::string& out, std::string_view text);

}  // namespace martlet::app
