// Packet Identifier: names one exchange of a session while it is in flight.
// Threading: immutable.
#pragma once

#include <compare>
#include <cstdint>

namespace martlet::protocol {

// 1..65535 on the wire. `none` (0) stands for a PUBLISH at QoS 0, which carries no identifier; the
// decoder refuses 0 wherever an identifier is required [v3.1.1 MQTT-2.3.1-1] [v5 MQTT-2.2.1-3].
enum class PacketId : std::uint16_t { none = 0 };

constexpr std::uint16_t to_wire(PacketId id) {
    return static_cast<std::uint16_t>(id);
}

}  // namespace martlet::protocol
