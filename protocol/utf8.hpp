// The UTF-8 rules of MQTT strings.
// Threading: pure functions.
#pragma once

#include <string_view>

namespace martlet::protocol {

// Well-formed UTF-8 as in RFC 3629 (no surrogates, no overlong forms, nothing above U+10FFFF) and
// no U+0000 [v3.1.1 MQTT-1.5.3-1] [v3.1.1 MQTT-1.5.3-2]. ASCII is checked eight bytes at a time:
// every PUBLISH comes through here.
bool is_valid_utf8(std::string_view text);

}  // namespace martlet::protocol
