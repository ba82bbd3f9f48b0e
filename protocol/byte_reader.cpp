#include "protocol/byte_reader.hpp"

namespace martlet::protocol {

std::uint32_t ByteReader::long_varint() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        const std::uint32_t byte = u8();
        if (failed()) {
            return 0;
        }
        value |= (byte & 0x7F) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift != 0) {  // [v5 MQTT-1.5.5-1]
                set_failed("a variable byte integer is longer than needed");
                return 0;
            }
            return value;
        }
    }
    set_failed("a variable byte integer has more than four bytes");
    return 0;
}

}  // namespace martlet::protocol
