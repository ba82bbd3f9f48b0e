// The UTF-8 rules of MQTT strings.
// Threading: pure functions.
#pragma once

#include <string_view>

#include "protocol/swar.hpp"

namespace martlet::protocol {

// The same answer for any text; is_valid_utf8() goes there only if the text is not plain ASCII.
bool is_valid_utf8_general(std::string_view text);

// Well-formed UTF-8 as in RFC 3629 (no surrogates, no overlong forms, nothing above U+10FFFF) and
// no U+0000 [v3.1.1 MQTT-1.5.3-1] [v3.1.1 MQTT-1.5.3-2] [v5 MQTT-1.5.4-1] [v5 MQTT-1.5.4-2]. ASCII
// is checked eight bytes at a time: every PUBLISH comes through here.
inline bool is_valid_utf8(std::string_view text) {
    return swar::all_words(text.data(), text.size(), swar::is_plain_ascii) ||
           is_valid_utf8_general(text);
}

// The same for a payload that says it is UTF-8: U+0000 may be in it.
bool is_well_formed_utf8(std::string_view text);

}  // namespace martlet::protocol
