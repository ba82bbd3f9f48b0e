#include "conformance/mutant/link.hpp"

namespace martlet::conformance {

namespace {

Reader body_of(const Bytes& raw) {
    Reader reader{raw};
    reader.u8();
    reader.varint();
    return reader;
}

}  // namespace

std::optional<ConnectParts> take_apart(const Bytes& raw) {
    try {
        auto body = body_of(raw);
        ConnectParts parts;
        parts.protocol = body.str();
        parts.level = body.u8();
        parts.flags = body.u8();
        parts.keep_alive_s = body.u16();
        if (parts.level == 5) {
            parts.properties = decode_properties(body);
        }
        parts.client_id = body.str();
        if (parts.level == 5 && (parts.flags & 4U) != 0) {
            parts.will_properties = decode_properties(body);
        }
        parts.rest = body.take_all();
        return parts;
    } catch (const Malformed&) {
        return std::nullopt;
    }
}

Bytes put_together(const ConnectParts& parts) {
    const bool is_v5 = parts.level == 5;
    return frame(0x10,
                 str(parts.protocol) + u8(parts.level) + u8(parts.flags) + u16(parts.keep_alive_s) +
                     (is_v5 ? encode(parts.properties) : Bytes{}) + str(parts.client_id) +
                     (is_v5 && (parts.flags & 4U) != 0 ? encode(parts.will_properties) : Bytes{}) +
                     parts.rest);
}

Bytes map_options(const Bytes& raw, Version version, unsigned (*change)(unsigned)) {
    try {
        auto body = body_of(raw);
        Bytes changed = u16(body.u16());
        if (version == Version::v5) {
            changed += encode(decode_properties(body));
        }
        while (!body.is_at_end()) {
            changed += str(body.str());
            changed += u8(change(body.u8()));
        }
        return frame(static_cast<unsigned char>(raw[0]), changed);
    } catch (const Malformed&) {
        return raw;
    }
}

std::vector<std::string> filters_of_unsubscribe(const Bytes& raw, Version version) {
    std::vector<std::string> filters;
    try {
        auto body = body_of(raw);
        body.u16();
        if (version == Version::v5) {
            decode_properties(body);
        }
        while (!body.is_at_end()) {
            filters.push_back(body.str());
        }
    } catch (const Malformed&) {
        filters.clear();
    }
    return filters;
}

}  // namespace martlet::conformance
