#include "tests/support/fake_client.hpp"

#include <stdexcept>

#include "protocol/packet/acks.hpp"
#include "protocol/packet/auth.hpp"
#include "protocol/packet/disconnect.hpp"
#include "protocol/packet/ping.hpp"
#include "protocol/packet/publish.hpp"
#include "protocol/packet/unsubscribe.hpp"
#include "tests/support/broker_fixture.hpp"

namespace martlet::tests {

using protocol::PacketType;
using protocol::ReasonCode;
using protocol::SubscriptionRequestView;

namespace {

constexpr std::uint32_t never_expires = 0xFFFFFFFF;

protocol::ConnectView to_view(const ConnectOptions& options, const std::string& client_id) {
    protocol::ConnectView connect;
    connect.version = options.version;
    connect.clean_start = options.clean;
    connect.keep_alive_s = options.keep_alive_s;
    connect.client_id = client_id;
    if (options.will) {
        protocol::WillView will;
        will.topic = options.will->topic;
        will.payload = protocol::as_bytes(options.will->payload);
        will.qos = options.will->qos;
        will.retain = options.will->retain;
        will.properties = options.will->properties;
        connect.will = will;
    }
    if (options.user_name) {
        connect.user_name = *options.user_name;
    }
    if (options.password) {
        connect.password = protocol::as_bytes(*options.password);
    }
    connect.session_expiry_interval_s =
        options.session_expiry_s.value_or(options.clean ? 0 : never_expires);
    connect.receive_maximum = options.receive_maximum;
    connect.maximum_packet_size = options.maximum_packet_size;
    connect.request_problem_information = options.problem_information;
    if (options.authentication_method) {
        connect.authentication_method = *options.authentication_method;
    }
    if (options.authentication_data) {
        connect.authentication_data = protocol::as_bytes(*options.authentication_data);
    }
    connect.topic_alias_maximum = options.topic_alias_maximum;
    connect.request_response_information = options.response_information;
    return connect;
}

}  // namespace

std::uint16_t FakeClient::next_id() {
    last_id_ = last_id_ == 65'535 ? std::uint16_t{1} : static_cast<std::uint16_t>(last_id_ + 1);
    return last_id_;
}

Wire& FakeClient::wire() {
    if (!has_wire_) {
        throw std::runtime_error("the client has never connected");
    }
    return broker_.world().wire(wire_);
}

void FakeClient::run() {
    broker_.run_unless_held();
}

void FakeClient::open(protocol::Version version) {
    version_ = version;
    wire_ = broker_.open_wire();
    has_wire_ = true;
    told_closed_ = false;
    unread_.clear();
}

void FakeClient::connect(const ConnectOptions& options) {
    open(options.version);
    aliases_ = ReceivedAliases(options.topic_alias_maximum);
    send(to_bytes(to_view(options, client_id_), options.version));
}

void FakeClient::queue_bytes(const ByteVector& bytes) {
    ByteVector& sent = wire().sent;
    sent.insert(sent.end(), bytes.begin(), bytes.end());
}

void FakeClient::send(const ByteVector& bytes) {
    queue_bytes(bytes);
    run();
}

void FakeClient::drop() {
    Wire& gone = wire();
    gone.sent.clear();
    gone.delivered.clear();
    gone.client_closed = true;
    run();
}

void FakeClient::disconnect(ReasonCode reason, std::optional<std::uint32_t> session_expiry_s) {
    protocol::DisconnectView packet;
    packet.reason = reason;
    packet.session_expiry_interval_s = session_expiry_s;
    queue_bytes(protocol::is_v5(version_) ? to_bytes(packet, version_) : bytes_of("E0 00"));
    run();
}

bool FakeClient::is_closed() {
    return wire().closed;
}

void FakeClient::set_room(std::size_t bytes) {
    wire().room = bytes;
    if (bytes != 0) {
        broker_.world().drain(wire_);
    }
    run();
}

std::uint16_t FakeClient::publish(std::string_view topic, std::string_view payload,
                                  const PublishOptions& options) {
    protocol::PublishView packet;
    packet.topic = topic;
    packet.payload = protocol::as_bytes(payload);
    packet.qos = options.qos;
    packet.retain = options.retain;
    packet.dup = options.dup;
    packet.properties = options.properties;
    const bool needs_id = options.qos != qos0;
    const std::uint16_t id = options.id != 0 ? options.id : needs_id ? next_id() : std::uint16_t{0};
    packet.packet_id = protocol::PacketId{needs_id ? id : std::uint16_t{0}};
    send(to_bytes(packet, version_));
    return id;
}

std::uint16_t FakeClient::subscribe(std::string_view filter, const SubscribeOptions& options) {
    const SubscriptionRequestView request{filter, options.options};
    protocol::SubscribePacket packet;
    packet.packet_id = protocol::PacketId{next_id()};
    packet.subscription_identifier = options.identifier;
    packet.requests = {&request, 1};
    send(to_bytes(packet, version_));
    return protocol::to_wire(packet.packet_id);
}

std::uint16_t FakeClient::subscribe(std::string_view filter, protocol::QoS qos) {
    return subscribe({{std::string(filter), qos}});
}

std::uint16_t FakeClient::subscribe(
    const std::vector<std::pair<std::string, protocol::QoS>>& filters) {
    std::vector<SubscriptionRequestView> requests;
    for (const auto& [filter, qos] : filters) {
        SubscriptionRequestView& request = requests.emplace_back();
        request.filter = filter;
        request.options.qos = qos;
    }
    protocol::SubscribePacket packet;
    packet.packet_id = protocol::PacketId{next_id()};
    packet.requests = requests;
    send(to_bytes(packet, version_));
    return protocol::to_wire(packet.packet_id);
}

std::uint16_t FakeClient::unsubscribe(const std::vector<std::string_view>& filters) {
    protocol::UnsubscribePacket packet;
    packet.packet_id = protocol::PacketId{next_id()};
    packet.filters = filters;
    send(to_bytes(packet, version_));
    return protocol::to_wire(packet.packet_id);
}

void FakeClient::ack(PacketType type, std::uint16_t id, ReasonCode reason) {
    protocol::AckView packet;
    packet.type = type;
    packet.packet_id = protocol::PacketId{id};
    packet.reason = reason;
    send(to_bytes(packet, version_));
}

void FakeClient::ping() {
    send(ByteVector(protocol::pingreq_bytes.begin(), protocol::pingreq_bytes.end()));
}

void FakeClient::auth(ReasonCode reason, std::string_view method,
                      std::optional<std::string_view> data) {
    protocol::AuthView packet;
    packet.reason = reason;
    packet.method = method;
    if (data) {
        packet.data = protocol::as_bytes(*data);
    }
    send(to_bytes(packet, version_));
}

bool FakeClient::read() {
    if (keeps_unread || !has_wire_ || wire().delivered.empty()) {
        return false;
    }
    if (wire().room != unlimited && wire().room == 0) {
        return false;
    }
    ByteVector& delivered = wire().delivered;
    unread_.insert(unread_.end(), delivered.begin(), delivered.end());
    delivered.clear();
    std::size_t used = 0;
    while (true) {
        const auto progress =
            protocol::next_frame(protocol::Bytes(unread_).subspan(used), 0x10000000);
        if (!progress) {
            throw std::runtime_error("the broker sent bytes that are not a packet");
        }
        if (progress->state == protocol::FrameProgress::State::need_more) {
            break;
        }
        received_.push_back(decode_from_server(progress->frame, version_));
        aliases_.resolve(received_.back());
        used += progress->frame.whole.size();
        if (auto_ack) {
            const Packet packet = received_.back();
            react(packet);
        }
    }
    unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(used));
    return true;
}

void FakeClient::react(const Packet& packet) {
    protocol::AckView reply;
    reply.packet_id = protocol::PacketId{packet.id};
    if (packet.type == PacketType::publish && packet.qos != qos0) {
        reply.type = packet.qos == qos1 ? PacketType::puback : PacketType::pubrec;
    } else if (packet.type == PacketType::pubrec && !protocol::is_error(packet.reason)) {
        reply.type = PacketType::pubrel;
    } else if (packet.type == PacketType::pubrel) {
        reply.type = PacketType::pubcomp;
    } else {
        return;
    }
    queue_bytes(to_bytes(reply, version_));
}

std::vector<Packet> FakeClient::take_packets() {
    return std::exchange(received_, {});
}

std::string FakeClient::take() {
    std::string text;
    for (const Packet& packet : take_packets()) {
        text += (text.empty() ? "" : " | ") + to_text(packet);
    }
    if (has_wire_ && is_closed() && !told_closed_) {
        told_closed_ = true;
        text += text.empty() ? "closed" : " | closed";
    }
    return text;
}

std::string FakeClient::messages() {
    std::string text;
    for (const Packet& packet : take_packets()) {
        if (packet.type == PacketType::publish) {
            text += (text.empty() ? "" : " | ") + to_message_text(packet);
        }
    }
    return text;
}

}  // namespace martlet::tests
