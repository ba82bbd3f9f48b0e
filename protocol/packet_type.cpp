#include "protocol/packet_type.hpp"

namespace martlet::protocol {

const char* to_string(PacketType type) {
    switch (type) {
        using enum PacketType;
        case connect:
            return "CONNECT";
        case connack:
            return "CONNACK";
        case publish:
            return "PUBLISH";
        case puback:
            return "PUBACK";
        case pubrec:
            return "PUBREC";
        case pubrel:
            return "PUBREL";
        case pubcomp:
            return "PUBCOMP";
        case subscribe:
            return "SUBSCRIBE";
        case suback:
            return "SUBACK";
        case unsubscribe:
            return "UNSUBSCRIBE";
        case unsuback:
            return "UNSUBACK";
        case pingreq:
            return "PINGREQ";
        case pingresp:
            return "PINGRESP";
        case disconnect:
            return "DISCONNECT";
        case auth:
            return "AUTH";
    }
    return "reserved";
}

}  // namespace martlet::protocol
