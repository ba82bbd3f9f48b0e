#include "conformance/suite/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace martlet::conformance {

namespace {

std::string_view to_text(Version version) {
    return version == Version::v5 ? "5.0" : "3.1.1";
}

std::string describe(const Publish& packet) {
    return to_text(Packet{.type = Type::publish,
                          .id = packet.id,
                          .topic = packet.topic,
                          .payload = packet.payload,
                          .qos = packet.qos,
                          .retain = packet.retain,
                          .dup = packet.dup});
}

[[noreturn]] void fail_on(std::string_view wanted, const Packet& seen) {
    throw Failure{fmt::format("expected {}, saw {}", wanted, to_text(seen))};
}

}  // namespace

Client::Client(Trial& trial, std::string_view name)
    : trial_(trial), name_(name), id_(trial.id(name)), stream_(trial.target) {
}

void Client::send_raw(const Bytes& bytes) {
    std::string text;
    if (bytes.size() > 1) {
        text = to_text(static_cast<Type>(static_cast<unsigned char>(bytes[0]) >> 4));
    }
    trial_.note(fmt::format("{} > {} [{}]", name_, text, to_hex(bytes)));
    stream_.write(bytes);
}

void Client::send_connect(Connect packet) {
    if (packet.client_id) {
        id_ = *packet.client_id;
    }
    packet.client_id = id_;
    if (!packet.user && !packet.password) {
        packet.user = trial_.target.user;
        packet.password = trial_.target.password;
    }
    if (!packet.clean && !id_.empty()) {
        trial_.remember_session(id_);
    }
    send(packet);
}

std::uint16_t Client::choose_id(std::uint16_t given) {
    return given != 0 ? given : ++last_id_;
}

std::uint16_t Client::send_publish(Publish packet) {
    if (packet.qos > 0) {
        packet.id = choose_id(packet.id);
    }
    if (packet.retain && !packet.payload.empty()) {
        trial_.remember_retained(packet.topic);
    }
    send(packet);
    return packet.id;
}

std::uint16_t Client::send_subscribe(Subscribe packet) {
    packet.id = choose_id(packet.id);
    send(packet);
    return packet.id;
}

void Client::disconnect() {
    send(Disconnect{});
    stream_.finish();
    // The server has done with this client when it has closed its side as well.
    Bytes rest;
    const auto latest = deadline();
    while (stream_.read(rest, latest) != Stream::Outcome::closed && Clock::now() < latest) {
    }
    stream_.close();
    inbox_.clear();
    buffer_.clear();
}

Packet Client::connect(Connect packet) {
    send_connect(std::move(packet));
    connack_ = expect(Connack{});
    is_connected_ = true;
    return connack_;
}

Packet Client::publish(Publish packet) {
    packet.id = send_publish(packet);
    if (packet.qos == 0) {
        return {};
    }
    auto answer = await(packet.qos == 1 ? Type::puback : Type::pubrec, packet.id);
    if (packet.qos == 2 && answer.code < 0x80) {
        send(Ack{.type = Type::pubrel, .id = packet.id});
        await(Type::pubcomp, packet.id);
    }
    return answer;
}

Packet Client::subscribe(Subscribe packet) {
    packet.id = send_subscribe(packet);
    return await(Type::suback, packet.id);
}

Packet Client::subscribe(const std::string& filter, unsigned qos) {
    auto answer = subscribe(Subscribe{.subscriptions = {{.filter = filter, .qos = qos}}});
    if (answer.codes != std::vector{qos}) {
        fail_on(fmt::format("SUBACK 0x{:02x} for {}", qos, printable(filter)), answer);
    }
    return answer;
}

void Client::unsubscribe(const std::string& filter) {
    const auto id = choose_id(0);
    send(Unsubscribe{.id = id, .filters = {filter}});
    await(Type::unsuback, id);
}

void Client::ping() {
    send(Pingreq{});
    await(Type::pingresp, 0);
}

Client::Outcome Client::pull(Instant deadline) {
    while (true) {
        try {
            const auto size = packet_size(buffer_);
            if (size && *size <= buffer_.size()) {
                const Bytes raw = buffer_.substr(0, *size);
                buffer_.erase(0, *size);
                trial_.note(fmt::format("{} < [{}]", name_, to_hex(raw)));
                inbox_.push_back(decode_from_server(raw, trial_.target.version));
                trial_.note(fmt::format("    {}", to_text(inbox_.back())));
                return Outcome::packet;
            }
        } catch (const Malformed& malformed) {
            throw Failure{fmt::format("the server sent what MQTT {} does not allow: {}",
                                      to_text(trial_.target.version), malformed.what)};
        }
        const auto outcome = stream_.read(buffer_, deadline);
        if (outcome == Stream::Outcome::closed) {
            trial_.note(name_ + " < end of the connection");
            Trial::check(buffer_.empty(), "the connection ended in the middle of a packet");
            return Outcome::closed;
        }
        if (outcome == Stream::Outcome::late && Clock::now() >= deadline) {
            return Outcome::late;
        }
    }
}

std::optional<Packet> Client::next(std::string_view wanted, Instant deadline) {
    if (inbox_.empty()) {
        const auto outcome = pull(deadline);
        if (outcome == Outcome::late) {
            throw Failure{fmt::format("{} expected {}, and nothing came", name_, wanted)};
        }
        if (outcome == Outcome::closed) {
            return std::nullopt;
        }
    }
    auto packet = std::move(inbox_.front());
    inbox_.pop_front();
    return packet;
}

Packet Client::next_of(Type type, std::string_view wanted) {
    auto packet = next(wanted, deadline());
    if (!packet) {
        throw Failure{fmt::format("{} expected {}, and the connection was closed", name_, wanted)};
    }
    if (packet->type != type) {
        fail_on(wanted, *packet);
    }
    return std::move(*packet);
}

std::optional<Packet> Client::receive() {
    return next("a packet or the end of the connection", deadline());
}

std::optional<Packet> Client::receive_until(Instant deadline) {
    if (inbox_.empty()) {
        const auto outcome = pull(deadline);
        Trial::check(outcome != Outcome::closed, "the connection was closed");
        if (outcome == Outcome::late) {
            return std::nullopt;
        }
    }
    return next("a packet", deadline);
}

Packet Client::expect(Type wanted) {
    return next_of(wanted, to_text(wanted));
}

Packet Client::expect(const Connack& wanted) {
    const auto text = fmt::format("CONNACK 0x{:02x}{}", wanted.code,
                                  !wanted.session_present   ? ""
                                  : *wanted.session_present ? " with Session Present"
                                                            : " without Session Present");
    auto packet = next_of(Type::connack, text);
    if (packet.code != wanted.code ||
        packet.session_present != wanted.session_present.value_or(packet.session_present)) {
        fail_on(text, packet);
    }
    return packet;
}

Packet Client::expect(const Publish& wanted) {
    const auto text = describe(wanted);
    auto packet = next_of(Type::publish, text);
    if (packet.topic != wanted.topic || packet.payload != wanted.payload ||
        packet.qos != wanted.qos || packet.retain != wanted.retain || packet.dup != wanted.dup ||
        (wanted.id != 0 && packet.id != wanted.id)) {
        fail_on(text, packet);
    }
    return packet;
}

Packet Client::expect(const Ack& wanted) {
    const auto text = fmt::format("{} #{} 0x{:02x}", to_text(wanted.type), wanted.id, wanted.code);
    auto packet = next_of(wanted.type, text);
    // "No matching subscribers" is a success too.
    const bool is_code_right =
        packet.code == wanted.code || (wanted.code == 0 && packet.code == 0x10);
    if (packet.id != wanted.id || !is_code_right) {
        fail_on(text, packet);
    }
    return packet;
}

Packet Client::expect(const Suback& wanted) {
    const auto text = to_text(Packet{.type = Type::suback, .id = wanted.id, .codes = wanted.codes});
    auto packet = next_of(Type::suback, text);
    if (packet.id != wanted.id || packet.codes != wanted.codes) {
        fail_on(text, packet);
    }
    return packet;
}

Packet Client::expect(const Unsuback& wanted) {
    const auto text =
        to_text(Packet{.type = Type::unsuback, .id = wanted.id, .codes = wanted.codes});
    auto packet = next_of(Type::unsuback, text);
    if (packet.id != wanted.id || packet.codes != wanted.codes) {
        fail_on(text, packet);
    }
    return packet;
}

Packet Client::take(const Publish& wanted) {
    auto packet = expect(wanted);
    acknowledge(packet);
    return packet;
}

void Client::acknowledge(const Packet& publish) {
    if (publish.qos == 1) {
        send(Ack{.type = Type::puback, .id = publish.id});
    } else if (publish.qos == 2) {
        send(Ack{.type = Type::pubrec, .id = publish.id});
        await(Type::pubrel, publish.id);
        send(Ack{.type = Type::pubcomp, .id = publish.id});
    }
}

Packet Client::await(Type wanted, std::uint16_t id) {
    const auto latest = deadline();
    std::size_t seen = 0;
    while (true) {
        for (; seen < inbox_.size(); ++seen) {
            if (inbox_[seen].type == wanted && inbox_[seen].id == id) {
                auto packet = std::move(inbox_[seen]);
                inbox_.erase(inbox_.begin() + static_cast<std::ptrdiff_t>(seen));
                return packet;
            }
        }
        const auto outcome = pull(latest);
        if (outcome != Outcome::packet) {
            throw Failure{fmt::format(
                "{} expected {} #{}, and {}{}", name_, to_text(wanted), id,
                outcome == Outcome::closed ? "the connection was closed" : "it did not come",
                inbox_.empty() ? "" : "; saw " + to_text(inbox_.back()))};
        }
    }
}

void Client::expect_nothing() {
    ping();
    if (!inbox_.empty()) {
        fail_on("nothing", inbox_.front());
    }
}

void Client::expect_nothing_from(Client& publisher) {
    const auto topic = trial_.topic("marker/" + name_);
    if (!std::exchange(is_marked_, true)) {
        subscribe(topic, 1);
    }
    const auto payload = fmt::format("marker {}", ++markers_);
    publisher.publish(Publish{.topic = topic, .payload = payload, .qos = 1});
    const auto packet = next_of(Type::publish, "nothing before the marker");
    if (packet.topic != topic || packet.payload != payload) {
        fail_on("nothing", packet);
    }
    acknowledge(packet);
}

std::optional<Ending> Client::closed_by(Instant deadline) {
    Ending ending;
    while (true) {
        if (inbox_.empty()) {
            const auto outcome = pull(deadline);
            if (outcome == Outcome::closed) {
                return ending;
            }
            if (outcome == Outcome::late) {
                return std::nullopt;
            }
        }
        const auto packet = std::move(inbox_.front());
        inbox_.pop_front();
        const bool is_last_word = (packet.type == Type::connack && packet.code != 0) ||
                                  (packet.type == Type::disconnect && packet.code != 0);
        if (!is_last_word || ending.type) {
            fail_on("the end of the connection", packet);
        }
        ending = {.type = packet.type, .code = packet.code};
    }
}

Ending Client::expect_closed() {
    auto ending = closed_by(Clock::now() + std::chrono::seconds{1});
    if (!ending) {
        // Whoever still answers has not closed, and will not: no need to wait for longer.
        if (is_connected_) {
            send(Pingreq{});
        }
        ending = closed_by(deadline());
    }
    Trial::check(ending.has_value(), "expected the end of the connection, which stays open");
    return *ending;
}

void Client::expect_end_of_foreign(Bytes& seen) {
    const auto latest = deadline();
    while (stream_.read(seen, latest) != Stream::Outcome::closed) {
        Trial::check(Clock::now() < latest, "expected the end of the connection, which stays open");
    }
    trial_.note(fmt::format("{} < [{}] and the end of the connection", name_, to_hex(seen)));
}

void Client::expect_closed_silently() {
    const auto ending = expect_closed();
    Trial::check(!ending.type, "expected the end of the connection without a packet before");
}

}  // namespace martlet::conformance
