// MQTT 3.1.1 packets for the tests, made by hand so that they do not depend on our codec.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace martlet::transport::tests {

inline std::string field(std::string_view text) {
    std::string result;
    result += static_cast<char>(text.size() >> 8U);
    result += static_cast<char>(text.size() & 0xFFU);
    result += text;
    return result;
}

inline std::string packet(std::uint8_t first, std::string_view body) {
    std::string result(1, static_cast<char>(first));
    std::size_t length = body.size();
    do {
        const std::size_t low = length % 128;
        length /= 128;
        result += static_cast<char>(length == 0 ? low : low | 0x80U);
    } while (length != 0);
    result += body;
    return result;
}

inline std::string connect(std::string_view client_id, std::uint16_t keep_alive_s = 0) {
    std::string body = field("MQTT");
    body += '\x04';
    body += '\x02';  // clean session
    body += static_cast<char>(keep_alive_s >> 8U);
    body += static_cast<char>(keep_alive_s & 0xFFU);
    return packet(0x10, body + field(client_id));
}

inline std::string subscribe(std::string_view filter, std::uint8_t qos = 0) {
    std::string body("\x00\x01", 2);
    body += field(filter);
    body += static_cast<char>(qos);
    return packet(0x82, body);
}

inline std::string publish(std::string_view topic, std::string_view payload) {
    std::string body = field(topic);
    body += payload;
    return packet(0x30, body);
}

inline std::string publish_qos1(std::string_view topic, std::uint16_t id,
                                std::string_view payload) {
    std::string body = field(topic);
    body += static_cast<char>(id >> 8U);
    body += static_cast<char>(id & 0xFFU);
    body += payload;
    return packet(0x32, body);
}

inline const std::string connack("\x20\x02\x00\x00", 4);
inline const std::string suback_qos0("\x90\x03\x00\x01\x00", 5);
inline const std::string pingreq("\xC0\x00", 2);
inline const std::string pingresp("\xD0\x00", 2);
inline const std::string disconnect("\xE0\x00", 2);

inline std::string puback(std::uint16_t id) {
    std::string body;
    body += static_cast<char>(id >> 8U);
    body += static_cast<char>(id & 0xFFU);
    return packet(0x40, body);
}

}  // namespace martlet::transport::tests
