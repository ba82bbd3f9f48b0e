// Bytes as MQTT writes them, put together by hand: the suite's own codec shares nothing with any
// broker's, or it would share the mistakes too. Malformed packets are built from these as well.
//
// Ownership: values. Threading: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace martlet::conformance {

using Bytes = std::string;

Bytes u8(unsigned value);
Bytes u16(unsigned value);
Bytes u32(std::uint32_t value);
// Variable Byte Integer in the fewest bytes.
Bytes varint(std::uint32_t value);
// Text or binary data behind its two length bytes.
Bytes str(std::string_view text);
// A whole packet: first byte, Remaining Length, body.
Bytes frame(unsigned first_byte, std::string_view body);

// "30 02 00 61" for people; long ones are cut.
std::string to_hex(std::string_view bytes);
// Text with everything outside printable ASCII as \xNN; long ones are cut.
std::string printable(std::string_view text);

// Reads from the front of `rest`; an attempt to read beyond the end throws Malformed.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    unsigned u8();
    unsigned u16();
    std::uint32_t u32();
    std::uint32_t varint();
    std::string str();
    std::string_view take(std::size_t count);
    std::string_view take_all() { return take(rest_.size()); }
    [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

// What was received is no MQTT packet.
struct Malformed {
    std::string what;
};

[[nodiscard]] bool is_well_formed_utf8(std::string_view text);

}  // namespace martlet::conformance
