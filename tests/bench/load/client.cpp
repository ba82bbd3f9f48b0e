#include "tests/bench/load/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "protocol/packet/acks.hpp"
#include "protocol/packet/connack.hpp"
#include "protocol/packet/suback.hpp"
#include "tests/bench/load/crowd.hpp"

namespace martlet::load {

namespace {

using protocol::FrameProgress;
using protocol::FrameView;
using protocol::PacketType;

constexpr std::size_t packet_size_max = std::size_t{256} << 20;
// What is larger is counted off instead of kept until it is whole.
constexpr std::size_t keep_max = 8192;

}  // namespace

Client::Client(Crowd& crowd, std::size_t place, std::string id)
    : number(place),
      crowd_(crowd),
      channel_(crowd.poller(), this),
      id_(std::move(id)),
      place_(place) {
}

void Client::open() {
    const int socket = crowd_.new_socket(place_);
    const auto& target = crowd_.target();
    is_leaving_ = false;
    unacked = 0;
    if (::connect(socket, target.address(), target.address_size()) != 0 && errno != EINPROGRESS) {
        throw std::system_error(errno, std::generic_category(), "connect to " + target.name());
    }
    channel_.open(Stream{socket, target.new_tls()}, true);
    state_ = State::connecting;
}

void Client::on_event(std::uint32_t events) {
    switch (state_) {
        case State::closed:
            return;
        case State::connecting:
            on_connected();
            return;
        case State::shaking_hands:
            shake_hands();
            return;
        case State::asking:
        case State::ready:
            break;
    }
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if (state_ != State::closed && (events & ~std::uint32_t{EPOLLOUT}) != 0) {
        receive();
    }
}

void Client::on_connected() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(channel_.stream().socket(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        throw std::system_error(error, std::generic_category(),
                                "connect to " + crowd_.target().name());
    }
    if (channel_.stream().is_tls()) {
        state_ = State::shaking_hands;
        shake_hands();
    } else {
        ask();
    }
}

void Client::shake_hands() {
    switch (channel_.stream().handshake()) {
        case Stream::Handshake::done:
            ask();
            return;
        case Stream::Handshake::failed:
            throw std::runtime_error("TLS handshake with " + crowd_.target().name() +
                                     " failed: " + tls_error());
        case Stream::Handshake::wants_read:
            channel_.want_writing(false);
            return;
        case Stream::Handshake::wants_write:
            channel_.want_writing(true);
            return;
    }
}

void Client::ask() {
    const Options& options = crowd_.options();
    put_connect(channel_,
                {.client_id = id_,
                 .user = options.user,
                 .password = options.password,
                 .is_clean = is_clean},
                options.version());
    state_ = State::asking;
    flush();
}

void Client::receive() {
    const bool goes_on = channel_.receive(crowd_.scratch(),
                                          [this](Bytes bytes) { return consume(bytes, now_ns()); });
    if (!goes_on) {
        lose();
    } else if (channel_.pending() > 0 && !channel_.is_blocked()) {
        flush();  // acknowledgements
    }
}

std::size_t Client::consume(Bytes bytes, std::uint64_t now) {
    std::size_t taken = skip(bytes.size(), now);
    while (state_ != State::closed && taken < bytes.size()) {
        const auto progress = protocol::next_frame(bytes.subspan(taken), packet_size_max);
        if (!progress) {
            throw std::runtime_error("malformed packet from " + crowd_.target().name() + ": " +
                                     progress.error().what);
        }
        if (progress->state == FrameProgress::State::whole) {
            on_frame(progress->frame, now);
            taken += progress->frame.whole.size();
        } else if (progress->size_known > keep_max &&
                   begin_large(bytes.subspan(taken), progress->size_known)) {
            return bytes.size();
        } else {
            break;
        }
    }
    return taken;
}

// The rest of a large PUBLISH, as far as it has come.
std::size_t Client::skip(std::size_t available, std::uint64_t now) {
    if (to_skip_ == 0) {
        return 0;
    }
    const std::size_t count = std::min(to_skip_, available);
    to_skip_ -= count;
    if (to_skip_ == 0) {
        deliver(large_, now);
    }
    return count;
}

bool Client::begin_large(Bytes bytes, std::size_t size) {
    const unsigned first = std::to_integer<unsigned>(bytes[0]);
    std::size_t header = 2;
    while ((std::to_integer<unsigned>(bytes[header - 1]) & 0x80) != 0) {
        ++header;
    }
    large_ = {};
    if (static_cast<PacketType>(first >> 4) != PacketType::publish ||
        !read_delivery(first & 0xF, bytes.subspan(header), crowd_.options().version(), large_)) {
        return false;
    }
    to_skip_ = size - bytes.size();
    return true;
}

void Client::on_frame(const FrameView& frame, std::uint64_t now) {
    const Version version = crowd_.options().version();
    switch (frame.type) {
        case PacketType::publish:
            if (Delivery delivery; read_delivery(frame.flags, frame.body, version, delivery)) {
                deliver(delivery, now);
            }
            return;
        case PacketType::puback:
            if (const auto packet = protocol::decode_ack(frame, version)) {
                crowd_.mode().on_puback(*this, static_cast<unsigned>(packet->reason) >= 0x80);
            }
            return;
        case PacketType::suback:
            if (const auto packet = protocol::decode_suback(frame, version)) {
                crowd_.mode().on_suback(*this, packet->codes);
            }
            return;
        case PacketType::connack:
            on_connack(frame);
            return;
        case PacketType::disconnect:
            lose();
            return;
        default:
            return;
    }
}

void Client::deliver(const Delivery& delivery, std::uint64_t now) {
    crowd_.mode().on_delivery(*this, delivery, now);
    if (delivery.packet_id != PacketId::none) {
        put_puback(channel_, delivery.packet_id);
    }
}

void Client::on_connack(const FrameView& frame) {
    const auto packet = protocol::decode_connack(frame, crowd_.options().version());
    if (!packet || packet->reason != protocol::ReasonCode::success) {
        throw std::runtime_error(
            crowd_.target().name() + " refuses client '" + id_ + "', reason " +
            (packet ? std::to_string(static_cast<unsigned>(packet->reason)) : "unreadable"));
    }
    session_present_ = packet->session_present;
    state_ = State::ready;
    crowd_.mode().on_ready(*this);
}

void Client::subscribe(std::span<const std::string> filters, QoS qos) {
    put_subscribe(channel_, next_id(), filters, qos, crowd_.options().version());
    flush();
}

void Client::flush() {
    if (!channel_.flush()) {
        lose();
    }
}

PacketId Client::next_id() {
    if (++last_id_ == 0) {
        last_id_ = 1;
    }
    return PacketId{last_id_};
}

void Client::say_goodbye() {
    if (state_ != State::closed) {
        is_leaving_ = true;
        put_disconnect(channel_);
        flush();
    }
}

void Client::lose() {
    if (!is_leaving_) {
        crowd_.count_lost_client();
    }
    close();
}

void Client::close() {
    channel_.close();
    to_skip_ = 0;
    state_ = State::closed;
}

}  // namespace martlet::load
