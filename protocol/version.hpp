// Protocol levels that a CONNECT can ask for.
// Threading: immutable.
#pragma once

#include <cstdint>

namespace martlet::protocol {

// The values are the Protocol Level bytes on the wire. 3.1 differs from 3.1.1 in the protocol name
// ("MQIsdp") and in requiring a Client Identifier of 1 to 23 characters; everything else is shared.
enum class Version : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5_0 = 5 };

constexpr bool is_v5(Version version) {
    return version == Version::v5_0;
}

}  // namespace martlet::protocol
