// Quality of Service levels.
// Threading: immutable.
#pragma once

#include <cstdint>
#include <optional>

namespace martlet::protocol {

enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

// Two bits from a flags byte; 3 is never a QoS [v3.1.1 MQTT-3.3.1-4] [v5 MQTT-3.3.1-4].
constexpr std::optional<QoS> qos_from_wire(unsigned bits) {
    if (bits > 2) {
        return std::nullopt;
    }
    return static_cast<QoS>(bits);
}

constexpr unsigned to_wire(QoS qos) {
    return static_cast<unsigned>(qos);
}

constexpr QoS lower_of(QoS a, QoS b) {
    return to_wire(a) < to_wire(b) ? a : b;
}

}  // namespace martlet::protocol
