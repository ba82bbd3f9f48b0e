// Control packet types: the upper four bits of the first byte.
// Threading: immutable.
#pragma once

#include <cstdint>

namespace martlet::protocol {

enum class PacketType : std::uint8_t {
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9,
    unsubscribe = 10,
    unsuback = 11,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
    auth = 15,
};

const char* to_string(PacketType type);

}  // namespace martlet::protocol
