#include "server/core/shard.hpp"

#include <utility>

#include "protocol/assert.hpp"
#include "protocol/packet/ping.hpp"
#include "server/core/timer_kinds.hpp"

namespace martlet::core {

using protocol::FrameView;
using protocol::PacketType;
using protocol::ReasonCode;

namespace {

constexpr std::byte connect_first_byte{static_cast<unsigned char>(PacketType::connect) << 4U};

}  // namespace

Shard::Shard(const ShardSetup& setup)
    : index_(setup.index),
      shard_count_(setup.shard_count),
      hash_seed_(setup.hash_seed),
      limits_(setup.limits),
      port_(*setup.connections),
      link_(setup.link),
      store_(*setup.store),
      access_(*setup.access),
      log_(*setup.log),
      now_(setup.start),
      timers_(setup.start),
      topic_hash_(setup.hash_seed),
      session_ids_(index_, shard_count_),
      subscriptions_(setup.hash_seed),
      groups_(setup.index, setup.hash_seed),
      interest_(setup.hash_seed, setup.shard_count),
      retained_(setup.hash_seed),
      peers_(setup.shard_count),
      keeps_records_(store_.keeps_records()),
      message_ids_(index_, shard_count_),
      retained_ids_(index_, shard_count_) {
    MARTLET_ASSERT(link_ != nullptr || shard_count_ == 1);
}

Shard::~Shard() {
    for (std::uint32_t slot = 0; slot < connections_.end(); ++slot) {
        if (Connection* connection = connections_.get(slot)) {
            connection->outbox.clear(chunk_pool_);
            timers_.cancel(connection->timer);
            timers_.cancel(connection->lag_timer);
            if (connection->rate) {
                timers_.cancel(connection->rate->timer);
            }
        }
    }
    for (SessionSlot slot = 0; slot < sessions_.end(); ++slot) {
        if (Session* session = sessions_.get(slot)) {
            timers_.cancel(session->timer);
            timers_.cancel(session->will_timer);
        }
    }
    timers_.cancel(patience_timer_);
}

Connection* Shard::find(ConnectionId id) {
    Connection* connection = connections_.get(id.slot);
    return connection != nullptr && connection->id == id ? connection : nullptr;
}

ConnectionId Shard::open(ConnectionInfo info, Instant now) {
    now_ = now;
    const std::uint32_t slot = connections_.emplace();
    if (slot >= generations_.size()) {
        generations_.resize(slot + 1);
    }
    Connection& connection = connections_[slot];
    connection.id = {slot, ++generations_[slot]};
    connection.info = std::move(info);
    connection.last_received = now;
    return connection.id;
}

// Anything but CONNECT first is a protocol violation [v3.1.1 MQTT-3.1.0-1] [v5 MQTT-3.1.0-1], found
// out by the first byte, whatever would follow.
inline protocol::Result<protocol::FrameProgress> Shard::next_frame(const Connection& connection,
                                                                   protocol::Bytes bytes) const {
    const bool is_connected = connection.is_connected();
    if (!is_connected && connection.state != Connection::State::exchanging && !bytes.empty() &&
        bytes[0] != connect_first_byte) {
        return protocol::fail(ReasonCode::protocol_error, "the first packet is not a CONNECT");
    }
    return protocol::next_frame(
        bytes, is_connected ? limits_.packet_size_max : limits_.packet_size_before_connect_max);
}

std::size_t Shard::on_receive(ConnectionId id, protocol::Bytes bytes, Instant now) {
    now_ = now;
    Connection* connection = find(id);
    MARTLET_ASSERT(connection != nullptr);
    std::size_t used = 0;
    receiving_ = id;
    while (!connection->reading_stopped && connection->state != Connection::State::closing) {
        const auto progress = next_frame(*connection, bytes.subspan(used));
        if (!progress && connection->state == Connection::State::exchanging) {
            refuse_exchange(*connection, progress.error().reason, progress.error().what);
            break;
        }
        if (!progress) {
            const bool too_large = progress.error().reason == ReasonCode::packet_too_large;
            close(*connection, too_large ? CloseReason::too_large : CloseReason::protocol_error,
                  progress.error().reason, progress.error().what);
            break;
        }
        if (progress->state == protocol::FrameProgress::State::need_more) {
            break;
        }
        // A client that publishes to itself gets the SUBACK first.
        if (connection->subacks_pending != 0 && progress->frame.type == PacketType::publish) {
            connection->publish_waits = true;
            update_reading(*connection);
            break;
        }
        work_ += connection->is_connected() ? 1 : connect_work;
        handle_frame(*connection, progress->frame);
        used += progress->frame.whole.size();
        if (is_pass_full() && used < bytes.size()) {
            defer(*connection);
        }
    }
    receiving_ = {};
    if (used != 0) {
        connection->last_received = now;  // whole packets, not bytes, keep it alive
    }
    counters_.bytes_received += used;
    // After a close nothing more is read: the rest is thrown away.
    return connection->state == Connection::State::closing ? bytes.size() : used;
}

bool Shard::reads(ConnectionId id) const {
    const Connection* connection = connections_.get(id.slot);
    return connection != nullptr && connection->id == id && !connection->reading_stopped &&
           connection->state != Connection::State::closing;
}

void Shard::handle_frame(Connection& connection, const FrameView& frame) {
    ++counters_.packets_received;
    if (!connection.is_connected()) {
        const bool exchanges = connection.state == Connection::State::exchanging;
        exchanges ? handle_exchange_frame(connection, frame) : handle_connect(connection, frame);
        return;
    }
    protocol::DecodeError error{};
    const auto handle = [&](auto&& decoded, auto&& handler) {
        if (decoded) {
            handler(*decoded);
        } else {
            error = decoded.error();
        }
    };
    switch (frame.type) {
        case PacketType::publish:
            charge(connection, frame.whole.size());
            handle(protocol::decode_publish(frame, connection.version),
                   [&](auto& publish) { handle_publish(connection, publish); });
            break;
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            handle(protocol::decode_ack(frame, connection.version),
                   [&](auto& ack) { handle_ack(connection, ack); });
            break;
        case PacketType::subscribe:
            handle(protocol::decode_subscribe(frame, connection.version),
                   [&](auto& subscribe) { handle_subscribe(connection, subscribe); });
            break;
        case PacketType::unsubscribe:
            handle(protocol::decode_unsubscribe(frame, connection.version),
                   [&](auto& unsubscribe) { handle_unsubscribe(connection, unsubscribe); });
            break;
        case PacketType::disconnect:
            handle(protocol::decode_disconnect(frame, connection.version),
                   [&](auto& disconnect) { handle_disconnect(connection, disconnect); });
            break;
        case PacketType::pingreq:
            if (const auto checked = protocol::check_pingreq(frame); !checked) {
                error = checked.error();
                break;
            }
            connection.outbox.append(chunk_pool_, protocol::pingresp_bytes);
            ++counters_.packets_sent;
            mark_output(connection);
            break;
        case PacketType::connect:  // [v3.1.1 MQTT-3.1.0-2] [v5 MQTT-3.1.0-2]
            error = protocol::fail(ReasonCode::protocol_error, "a second CONNECT");
            break;
        case PacketType::auth:
            if (!protocol::is_v5(connection.version)) {
                error = protocol::fail(ReasonCode::protocol_error, "AUTH before MQTT 5");
                break;
            }
            handle(protocol::decode_auth(frame),
                   [&](auto& auth) { handle_auth(connection, auth); });
            break;
        case PacketType::connack:
        case PacketType::suback:
        case PacketType::unsuback:
        case PacketType::pingresp:
            error = protocol::fail(ReasonCode::protocol_error, "a packet that only servers send");
            break;
    }
    if (protocol::is_error(error.reason) && *error.what != '\0') {
        close(connection, CloseReason::protocol_error, error.reason, error.what);
    }
}

void Shard::on_written(ConnectionId id, Instant now) {
    now_ = now;
    Connection* connection = find(id);
    if (connection == nullptr || !connection->is_connected()) {
        return;
    }
    if (connection->outbox.size() < limits_.write_limit_bytes) {
        if (Session* session = session_of(*connection)) {
            pump(*session);
        }
    }
    notice_progress(*connection);
}

void Shard::on_closed(ConnectionId id, CloseReason reason, Instant now) {
    now_ = now;
    Connection* connection = find(id);
    MARTLET_ASSERT(connection != nullptr);
    if (connection->state != Connection::State::closing) {
        detach(*connection, reason, ReasonCode::unspecified_error, "");
    }
    connection->outbox.clear(chunk_pool_);
    connections_.erase(id.slot);
}

// Packets only note their time; the timer catches up when it fires.
void Shard::check_keep_alive(Connection& connection, TimerKey key) {
    if (connection.reading_stopped) {
        connection.last_received = now_;  // it may have said something: nobody listens
    }
    const Instant deadline =
        connection.last_received + keep_alive_patience(connection.keep_alive_s);
    if (deadline > now_) {
        timers_.schedule(connection.timer, key, deadline);
        return;
    }
    // [v3.1.1 MQTT-3.1.2-24] [v5 MQTT-3.1.2-22]
    ++counters_.keep_alive_timeouts;
    close(connection, CloseReason::keep_alive_timeout, ReasonCode::keep_alive_timeout,
          "exceeded timeout");
}

void Shard::advance(Instant now) {
    now_ = now;
    timers_.advance(now, [this](TimerKey key) {
        switch (static_cast<TimerKind>(key.kind)) {
            case TimerKind::keep_alive:
                check_keep_alive(connections_[key.id], key);
                break;
            case TimerKind::lag: {
                Connection& connection = connections_[key.id];
                connection.lagging = true;
                relieve(connection);
                break;
            }
            case TimerKind::session_expiry:
                ++counters_.sessions_expired;
                destroy_session(sessions_[key.id]);
                break;
            case TimerKind::will_delay:
                publish_will(sessions_[key.id]);
                break;
            case TimerKind::rights_end:
                end_rights(connections_[sessions_[key.id].connection.slot],
                           "its credential has expired");
                break;
            case TimerKind::publish_rate:
                connections_[key.id].rate->is_over = false;
                update_reading(connections_[key.id]);
                break;
            case TimerKind::refusal:
                lose_patience();
                break;
            case TimerKind::exchange:
                refuse_exchange(connections_[key.id], ReasonCode::not_authorized,
                                "the authentication exchange took too long");
                break;
        }
    });
}

// The order matters: releasing an answer can start a session and so record more, all of which
// leaves in this pass's batches; flushing comes last, so that every connection is written to once.
void Shard::end_pass(Instant now) {
    now_ = now;
    review_access();
    feed_retained();
    complete_publications();
    tell_completed();
    release_held();
    release_answers();
    release_answers_ahead();
    forget_endings();
    push_batches();
    flush_outputs();
    flush_fan_out();
    resume_deferred();
    work_ = 0;
}

const Counters& Shard::counters() {
    counters_.connections = connections_.size();
    counters_.sessions = sessions_.size();
    counters_.subscriptions = subscriptions_.subscription_count() + groups_.member_count();
    counters_.shared_subscriptions = groups_.group_count();
    counters_.retained_messages = retained_.count();
    counters_.retained_bytes = retained_.bytes();
    counters_.queued_messages = queued_messages_;
    counters_.inflight_messages = inflight_messages_;
    counters_.queued_bytes = queued_bytes_;
    return counters_;
}

ConnectionId Shard::connection_before(protocol::Bytes bytes) {
    const auto progress = protocol::next_frame(bytes, limits_.packet_size_before_connect_max);
    if (!progress || progress->state == protocol::FrameProgress::State::need_more ||
        progress->frame.type != PacketType::connect) {
        return {};
    }
    const auto connect = protocol::decode_connect(progress->frame, nullptr);
    const Session* session = connect ? find_session(connect->client_id) : nullptr;
    if (session == nullptr) {
        return {};
    }
    if (Connection* earlier = find(session->connection)) {
        hurry(*earlier);
    }
    return session->connection;
}

std::optional<ShardIndex> home_shard(protocol::Bytes bytes, const Limits& limits,
                                     std::uint64_t hash_seed, ShardIndex shard_count,
                                     ShardIndex here) {
    const auto progress = protocol::next_frame(bytes, limits.packet_size_before_connect_max);
    if (!progress) {
        return here;
    }
    if (progress->state == protocol::FrameProgress::State::need_more) {
        // A first byte that is no CONNECT's is refused at once, whatever would follow.
        const bool hopeless = !bytes.empty() && bytes[0] != connect_first_byte;
        return hopeless ? std::optional(here) : std::nullopt;
    }
    if (shard_count == 1 || progress->frame.type != PacketType::connect) {
        return here;
    }
    const auto connect = protocol::decode_connect(progress->frame, nullptr);
    if (!connect || connect->client_id.empty()) {
        return here;
    }
    return home_of_client(connect->client_id, hash_seed, shard_count);
}

}  // namespace martlet::core
