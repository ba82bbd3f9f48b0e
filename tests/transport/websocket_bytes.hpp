// WebSocket as a client writes and reads it, made by hand so that it does not depend on our code.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace martlet::transport::tests {

inline constexpr std::uint8_t continuation = 0x00;
inline constexpr std::uint8_t text_frame = 0x01;
inline constexpr std::uint8_t binary = 0x02;
inline constexpr std::uint8_t close_frame = 0x08;
inline constexpr std::uint8_t ping = 0x09;
inline constexpr std::uint8_t pong = 0x0A;
inline constexpr std::uint8_t final_bit = 0x80;

inline std::string big_endian(std::uint64_t value, int bytes) {
    std::string result;
    for (int i = bytes - 1; i >= 0; --i) {
        result += static_cast<char>(value >> (8U * static_cast<unsigned>(i)));
    }
    return result;
}

// Length and mask bit; `mask_bit` is 0x80 or 0.
inline std::string length_field(std::uint64_t size, std::uint8_t mask_bit) {
    if (size < 126) {
        return {static_cast<char>(mask_bit | size)};
    }
    if (size < 65'536) {
        return static_cast<char>(mask_bit | 126) + big_endian(size, 2);
    }
    return static_cast<char>(mask_bit | 127) + big_endian(size, 8);
}

// From a client: masked.
inline std::string frame(std::uint8_t first, std::string_view payload) {
    constexpr std::string_view mask = "\x11\xA2\x03\xF4";
    std::string result(1, static_cast<char>(first));
    result += length_field(payload.size(), 0x80);
    result += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        result += static_cast<char>(payload[i] ^ mask[i % 4]);
    }
    return result;
}

inline std::string message(std::string_view payload) {
    return frame(final_bit | binary, payload);
}

// From a server: whole and not masked.
inline std::string server_frame(std::uint8_t kind, std::string_view payload) {
    std::string result(1, static_cast<char>(final_bit | kind));
    result += length_field(payload.size(), 0);
    return result.append(payload);
}

inline std::string close_payload(std::uint16_t code, std::string_view reason = {}) {
    return big_endian(code, 2).append(reason);
}

inline std::string upgrade_request(std::string_view target = "/mqtt",
                                   std::string_view further = "Sec-WebSocket-Protocol: mqtt\r\n") {
    return std::string("GET ")
        .append(target)
        .append(
            " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, "
            "Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: "
            "13\r\n")
        .append(further)
        .append("\r\n");
}

// The example of RFC 6455, 1.3.
inline const std::string upgrade_answer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

}  // namespace martlet::transport::tests
