#include "tests/support/packets.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "protocol/packet/acks.hpp"
#include "protocol/packet/auth.hpp"
#include "protocol/packet/disconnect.hpp"
#include "protocol/packet/publish.hpp"
#include "protocol/packet/suback.hpp"
#include "protocol/properties.hpp"

namespace martlet::tests {

using protocol::FrameView;
using protocol::PacketType;
using protocol::Version;

namespace {

template <class T>
const T& checked(const protocol::Result<T>& decoded, const FrameView& frame) {
    if (!decoded) {
        throw std::runtime_error(fmt::format(
            "the broker sent a bad {}: {}", protocol::to_string(frame.type), decoded.error().what));
    }
    return *decoded;
}

int digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    throw std::runtime_error("not a hexadecimal digit in a byte notation");
}

void read_publish(Packet& packet, const protocol::PublishView& view) {
    packet.id = protocol::to_wire(view.packet_id);
    packet.topic = view.topic;
    packet.payload = protocol::as_text(view.payload);
    packet.qos = view.qos;
    packet.dup = view.dup;
    packet.retain = view.retain;
    packet.alias = view.topic_alias;
    packet.is_by_alias = view.topic.empty();
    protocol::PropertyReader properties(view.properties, protocol::PropertyOwner::publish);
    while (const auto property = properties.next()) {
        switch (property->id) {
            case protocol::PropertyId::subscription_identifier:
                packet.identifiers.push_back(property->number);
                break;
            case protocol::PropertyId::message_expiry_interval:
                packet.expiry_s = property->number;
                break;
            case protocol::PropertyId::topic_alias:
                break;
            default:
                packet.properties += protocol::as_text(property->whole);
                break;
        }
    }
}

void read_connack(Packet& packet, const protocol::ConnackView& view) {
    packet.reason = view.reason;
    packet.reason_string = view.reason_string.value_or("");
    packet.session_present = view.session_present;
    packet.assigned_client_id = view.assigned_client_identifier.value_or("");
    packet.session_expiry_s = view.session_expiry_interval_s;
    packet.receive_maximum = view.receive_maximum;
    packet.server_keep_alive_s = view.server_keep_alive_s;
    packet.topic_alias_maximum = view.topic_alias_maximum;
    packet.maximum_packet_size = view.maximum_packet_size;
    packet.retain_available = view.retain_available;
    packet.response_information = view.response_information;
    packet.server_reference = view.server_reference.value_or("");
    packet.method = view.authentication_method;
    if (view.authentication_data) {
        packet.data = protocol::as_text(*view.authentication_data);
    }
}

void read_ack(Packet& packet, const protocol::AckView& view) {
    packet.id = protocol::to_wire(view.packet_id);
    packet.reason = view.reason;
    packet.reason_string = view.reason_string.value_or("");
}

void read_disconnect(Packet& packet, const FrameView& frame, Version version) {
    if (!protocol::is_v5(version)) {
        throw std::runtime_error("a DISCONNECT from the broker before version 5");
    }
    const auto decoded = protocol::decode_disconnect_from_server(frame);
    const protocol::DisconnectView& view = checked(decoded, frame);
    if (view.session_expiry_interval_s) {
        throw std::runtime_error("the broker's DISCONNECT has a session expiry interval");
    }
    packet.reason = view.reason;
    packet.reason_string = view.reason_string.value_or("");
    packet.server_reference = view.server_reference.value_or("");
}

void read_auth(Packet& packet, const protocol::AuthView& view) {
    packet.reason = view.reason;
    packet.reason_string = view.reason_string.value_or("");
    packet.method = view.method;
    if (view.data) {
        packet.data = protocol::as_text(*view.data);
    }
}

std::string reason_text(protocol::ReasonCode reason) {
    const unsigned code = protocol::to_wire(reason);
    return code < 0x10 ? fmt::format("{}", code) : fmt::format("0x{:02X}", code);
}

std::string payload_text(const std::string& payload) {
    constexpr std::size_t shown = 40;
    return payload.size() <= shown
               ? fmt::format("'{}'", payload)
               : fmt::format("'{}...' of {}", payload.substr(0, shown), payload.size());
}

std::string publish_text(const Packet& packet, bool with_delivery) {
    std::string text = packet.topic;
    if (with_delivery && packet.id != 0) {
        text = fmt::format("#{} {}", packet.id, text);
    }
    text += fmt::format(" q{}", protocol::to_wire(packet.qos));
    text += with_delivery && packet.dup ? " dup" : "";
    text += packet.retain ? " retain" : "";
    text += " " + payload_text(packet.payload);
    for (std::size_t i = 0; i < packet.identifiers.size(); ++i) {
        text += fmt::format("{}{}", i == 0 ? " ids=" : ",", packet.identifiers[i]);
    }
    if (packet.expiry_s) {
        text += fmt::format(" expiry={}", *packet.expiry_s);
    }
    if (with_delivery && packet.alias != 0) {
        text += fmt::format(" {}={}", packet.is_by_alias ? "by-alias" : "alias", packet.alias);
    }
    return text;
}

}  // namespace

ByteVector bytes_of(std::string_view notation) {
    ByteVector bytes;
    for (std::size_t i = 0; i < notation.size();) {
        if (notation[i] == ' ') {
            ++i;
        } else if (notation[i] == '\'') {
            const std::size_t end = notation.find('\'', i + 1);
            const auto text = protocol::as_bytes(notation.substr(i + 1, end - i - 1));
            bytes.insert(bytes.end(), text.begin(), text.end());
            i = end + 1;
        } else {
            bytes.push_back(
                static_cast<std::byte>(digit(notation[i]) * 16 + digit(notation.at(i + 1))));
            i += 2;
        }
    }
    return bytes;
}

Packet decode_from_server(const FrameView& frame, Version version) {
    Packet packet;
    packet.type = frame.type;
    switch (frame.type) {
        case PacketType::connack:
            read_connack(packet, checked(protocol::decode_connack(frame, version), frame));
            break;
        case PacketType::publish:
            read_publish(packet,
                         checked(protocol::decode_publish_from_server(frame, version), frame));
            break;
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            read_ack(packet, checked(protocol::decode_ack(frame, version), frame));
            break;
        case PacketType::suback:
        case PacketType::unsuback: {
            const auto decoded = protocol::decode_suback(frame, version);
            packet.id = protocol::to_wire(checked(decoded, frame).packet_id);
            for (const protocol::ReasonCode code : decoded->codes) {
                packet.codes.push_back(protocol::to_wire(code));
            }
            break;
        }
        case PacketType::pingresp:
            break;
        case PacketType::disconnect:
            read_disconnect(packet, frame, version);
            break;
        case PacketType::auth:
            read_auth(packet, checked(protocol::decode_auth(frame), frame));
            break;
        default:
            throw std::runtime_error(
                fmt::format("the broker sent a {}", protocol::to_string(frame.type)));
    }
    return packet;
}

void ReceivedAliases::resolve(Packet& packet) {
    if (packet.type != PacketType::publish || packet.alias == 0) {
        return;
    }
    if (packet.alias > maximum_) {
        throw std::runtime_error("the broker uses a topic alias above the client's maximum");
    }
    std::string& topic = topics_[packet.alias];
    if (!packet.is_by_alias) {
        topic = packet.topic;
    } else if (topic.empty()) {
        throw std::runtime_error("the broker uses a topic alias that it has not set up");
    }
    packet.topic = topic;
}

std::string to_message_text(const Packet& packet) {
    return publish_text(packet, false);
}

std::string to_text(const Packet& packet) {
    switch (packet.type) {
        case PacketType::publish:
            return "publish " + publish_text(packet, true);
        case PacketType::connack:
            return "connack " + reason_text(packet.reason) +
                   (packet.session_present ? " present" : "");
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp: {
            std::string name = protocol::to_string(packet.type);
            for (char& c : name) {
                c = static_cast<char>(c | 0x20);
            }
            return fmt::format("{} #{}", name, packet.id) +
                   (packet.reason == protocol::ReasonCode::success
                        ? ""
                        : " " + reason_text(packet.reason));
        }
        case PacketType::suback:
        case PacketType::unsuback: {
            std::string text = packet.type == PacketType::suback ? "suback" : "unsuback";
            text += fmt::format(" #{}", packet.id);
            for (const std::uint8_t code : packet.codes) {
                text += " " + reason_text(static_cast<protocol::ReasonCode>(code));
            }
            return text;
        }
        case PacketType::disconnect:
            return "disconnect " + reason_text(packet.reason);
        case PacketType::auth:
            return "auth " + reason_text(packet.reason) +
                   (packet.data ? " " + payload_text(*packet.data) : "");
        default:
            return "pingresp";
    }
}

}  // namespace martlet::tests
