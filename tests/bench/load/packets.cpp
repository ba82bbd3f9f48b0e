#include "tests/bench/load/packets.hpp"

#include <array>
#include <cstring>

#include "protocol/byte_writer.hpp"
#include "protocol/packet/connect.hpp"
#include "protocol/packet/publish.hpp"
#include "protocol/packet/subscribe.hpp"

namespace martlet::load {

namespace {

// Over which a persistent session of MQTT 5 waits for its client.
constexpr std::uint32_t session_expiry_s = 3600;
constexpr std::uint16_t keep_alive_s = 1200;

// `size` bytes that mean nothing.
Bytes filler(std::size_t size) {
    static std::vector<std::byte> bytes;
    if (bytes.size() < size) {
        bytes.resize(size, std::byte{'x'});
    }
    return Bytes{bytes}.first(size);
}

Bytes bytes_of(const Stamp& stamp) {
    return std::as_bytes(std::span{&stamp, 1});
}

protocol::PublishView view(std::string_view topic, const PublishShape& shape, PacketId id) {
    protocol::PublishView packet;
    packet.topic = topic;
    packet.qos = shape.qos;
    packet.retain = shape.retain;
    packet.packet_id = id;
    packet.payload = filler(shape.payload_size);
    return packet;
}

template <class Encode>
std::vector<std::byte> encoded(std::size_t size, Encode encode) {
    std::vector<std::byte> bytes(size);
    protocol::ByteWriter writer{bytes};
    encode(writer);
    return bytes;
}

std::vector<std::byte> encoded_publish(const protocol::PublishView& packet, Version version) {
    return encoded(encoded_size(packet, version),
                   [&](protocol::ByteWriter& out) { encode(packet, version, out); });
}

}  // namespace

PreparedPublish::PreparedPublish(std::string_view topic, const PublishShape& shape, Version version)
    : head_(encoded_publish(view(topic, shape, PacketId{1}), version)),
      payload_size_(shape.payload_size) {
    head_.resize(head_.size() - payload_size_);
    if (shape.qos != QoS::at_most_once) {
        id_at_ = head_.size() - 2 - (is_v5(version) ? 1 : 0);  // v5: no properties, one byte
    }
    filler(payload_size_);
}

void PreparedPublish::put(Channel& channel, PacketId id, const Stamp& stamp) const {
    std::byte* const packet = channel.put(head_);
    if (id_at_ != 0) {
        packet[id_at_] = static_cast<std::byte>(to_wire(id) >> 8);
        packet[id_at_ + 1] = static_cast<std::byte>(to_wire(id) & 0xFF);
    }
    channel.put(bytes_of(stamp));
    channel.put(filler(payload_size_ - sizeof stamp));
}

void put_publish(Channel& channel, std::string_view topic, const PublishShape& shape, PacketId id,
                 const Stamp& stamp, Version version) {
    const auto packet = encoded_publish(view(topic, shape, id), version);
    std::byte* const copy = channel.put(packet);
    if (shape.payload_size >= sizeof stamp) {
        std::memcpy(copy + packet.size() - shape.payload_size, &stamp, sizeof stamp);
    }
}

void put_connect(Channel& channel, const ConnectRequest& request, Version version) {
    protocol::ConnectView packet;
    packet.version = version;
    packet.client_id = request.client_id;
    packet.clean_start = request.is_clean;
    packet.keep_alive_s = keep_alive_s;
    if (!request.is_clean && is_v5(version)) {
        packet.session_expiry_interval_s = session_expiry_s;
    }
    if (!request.user.empty()) {
        packet.user_name = request.user;
        packet.password = protocol::as_bytes(request.password);
    }
    channel.put(
        encoded(encoded_size(packet), [&](protocol::ByteWriter& out) { encode(packet, out); }));
}

void put_subscribe(Channel& channel, PacketId id, std::span<const std::string> filters, QoS qos,
                   Version version) {
    std::vector<protocol::SubscriptionRequestView> requests;
    for (const std::string& filter : filters) {
        protocol::SubscriptionRequestView request;
        request.filter = filter;
        request.options.qos = qos;
        requests.push_back(request);
    }
    protocol::SubscribePacket packet;
    packet.packet_id = id;
    packet.requests = requests;
    channel.put(encoded(encoded_size(packet, version),
                        [&](protocol::ByteWriter& out) { encode(packet, version, out); }));
}

void put_puback(Channel& channel, PacketId id) {
    const std::array<std::byte, 4> packet{std::byte{0x40}, std::byte{2},
                                          static_cast<std::byte>(to_wire(id) >> 8),
                                          static_cast<std::byte>(to_wire(id) & 0xFF)};
    channel.put(packet);
}

void put_disconnect(Channel& channel) {
    constexpr std::array<std::byte, 2> packet{std::byte{0xE0}, std::byte{0}};
    channel.put(packet);
}

bool read_delivery(unsigned flags, Bytes body, Version version, Delivery& delivery) {
    protocol::ByteReader reader{body};
    reader.binary();  // the topic
    if ((flags & 6) != 0) {
        delivery.packet_id = PacketId{reader.u16()};
    }
    if (is_v5(version)) {
        reader.bytes(reader.varint());
    }
    const Bytes stamp = reader.bytes(sizeof(Stamp));
    if (reader.failed()) {
        return false;
    }
    std::memcpy(&delivery.stamp, stamp.data(), sizeof(Stamp));
    delivery.retain = (flags & 1) != 0;
    delivery.dup = (flags & 8) != 0;
    return true;
}

}  // namespace martlet::load
