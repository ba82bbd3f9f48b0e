#include "conformance/suite/packet.hpp"

namespace martlet::conformance {

namespace {

Bytes block(const Properties& properties, Version version) {
    return version == Version::v5 ? encode(properties) : Bytes{};
}

unsigned first_byte(Type type) {
    const bool is_flagged =
        type == Type::pubrel || type == Type::subscribe || type == Type::unsubscribe;
    return static_cast<unsigned>(type) << 4 | (is_flagged ? 2U : 0U);
}

Bytes code_and_properties(unsigned code, const Properties& properties) {
    if (!properties.empty()) {
        return u8(code) + encode(properties);
    }
    return code == 0 ? Bytes{} : u8(code);
}

unsigned connect_flags(const Connect& packet) {
    unsigned flags = packet.clean ? 0x02 : 0;
    if (packet.will) {
        flags |= 0x04U | packet.will->qos << 3 | (packet.will->retain ? 0x20U : 0);
    }
    flags |= (packet.user ? 0x80U : 0) | (packet.password ? 0x40U : 0);
    return flags ^ packet.flipped_flags;
}

}  // namespace

Bytes encode(const Connect& packet, Version version) {
    Bytes body = str(packet.protocol) + u8(packet.level.value_or(static_cast<unsigned>(version))) +
                 u8(connect_flags(packet)) + u16(packet.keep_alive_s) +
                 block(packet.properties, version) + str(packet.client_id.value_or(""));
    if (packet.will) {
        body += block(packet.will->properties, version) + str(packet.will->topic) +
                str(packet.will->payload);
    }
    body += packet.user ? str(*packet.user) : Bytes{};
    body += packet.password ? str(*packet.password) : Bytes{};
    return frame(first_byte(Type::connect), body);
}

Bytes encode(const Publish& packet, Version version) {
    const unsigned flags = (packet.dup ? 8U : 0U) | packet.qos << 1 | (packet.retain ? 1U : 0U);
    return frame(first_byte(Type::publish) | flags,
                 str(packet.topic) + (packet.qos > 0 ? u16(packet.id) : Bytes{}) +
                     block(packet.properties, version) + packet.payload);
}

Bytes encode(const Ack& packet, Version version) {
    return frame(first_byte(packet.type),
                 u16(packet.id) + (version == Version::v5
                                       ? code_and_properties(packet.code, packet.properties)
                                       : Bytes{}));
}

Bytes encode(const Subscribe& packet, Version version) {
    Bytes body = u16(packet.id) + block(packet.properties, version);
    for (const auto& one : packet.subscriptions) {
        body +=
            str(one.filter) + u8(one.qos | (one.no_local ? 4U : 0U) |
                                 (one.retain_as_published ? 8U : 0U) | one.retain_handling << 4);
    }
    return frame(first_byte(Type::subscribe), body);
}

Bytes encode(const Unsubscribe& packet, Version version) {
    Bytes body = u16(packet.id) + block(packet.properties, version);
    for (const auto& filter : packet.filters) {
        body += str(filter);
    }
    return frame(first_byte(Type::unsubscribe), body);
}

Bytes encode(const Disconnect& packet, Version version) {
    return frame(
        first_byte(Type::disconnect),
        version == Version::v5 ? code_and_properties(packet.code, packet.properties) : Bytes{});
}

Bytes encode(const Auth& packet, Version /*version*/) {
    return frame(first_byte(Type::auth), code_and_properties(packet.code, packet.properties));
}

Bytes encode(const Pingreq& /*packet*/, Version /*version*/) {
    return frame(first_byte(Type::pingreq), {});
}

Bytes encode(const Packet& packet, Version version) {
    Bytes body;
    switch (packet.type) {
        case Type::connack:
            body = u8(packet.session_present ? 1 : 0) + u8(packet.code) +
                   block(packet.properties, version);
            break;
        case Type::publish:
            return encode(Publish{.topic = packet.topic,
                                  .payload = packet.payload,
                                  .qos = packet.qos,
                                  .retain = packet.retain,
                                  .dup = packet.dup,
                                  .id = packet.id,
                                  .properties = packet.properties},
                          version);
        case Type::puback:
        case Type::pubrec:
        case Type::pubrel:
        case Type::pubcomp:
            return encode(Ack{packet.type, packet.id, packet.code, packet.properties}, version);
        case Type::suback:
        case Type::unsuback:
            body = u16(packet.id) + block(packet.properties, version);
            for (const unsigned code : packet.codes) {
                body += u8(code);
            }
            break;
        case Type::disconnect:
            return encode(Disconnect{packet.code, packet.properties}, version);
        case Type::auth:
            return encode(Auth{packet.code, packet.properties}, version);
        case Type::pingreq:
        case Type::pingresp:
            break;
        case Type::connect:
        case Type::subscribe:
        case Type::unsubscribe:
            return packet.raw;
    }
    return frame(first_byte(packet.type), body);
}

}  // namespace martlet::conformance
