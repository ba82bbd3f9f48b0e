// ShardRunner: the lives of the connections on this shard. See Stage in connection.hpp.
#include <algorithm>
#include <chrono>
#include <utility>

#include "protocol/assert.hpp"
#include "server/core/shard.hpp"
#include "server/transport/shard_runner.hpp"

namespace martlet::transport {

using core::CloseReason;
using core::ConnectionId;

namespace {

// The same when the broker stops: somebody waits for that.
constexpr core::Duration close_patience_at_drain = std::chrono::seconds(2);

// Where the peer is gone, or has asked for the end itself, there is nobody to wait for.
bool should_linger(CloseReason reason) {
    switch (reason) {
        case CloseReason::client_disconnected:
        case CloseReason::peer_closed:
        case CloseReason::network_error:
        case CloseReason::keep_alive_timeout:
            return false;
        case CloseReason::refused:
        case CloseReason::protocol_error:
        case CloseReason::session_taken_over:
        case CloseReason::too_large:
        case CloseReason::quota:
        case CloseReason::shutting_down:
        case CloseReason::administrative:
        case CloseReason::not_permitted:
            return true;
    }
    return true;
}

PeerDescription describe(const Connection& connection) {
    return {connection.arrival().listener, connection.arrival().peer};
}

}  // namespace

Connection* ShardRunner::find(ConnectionId id) {
    Connection* connection = id.slot < by_slot_.size() ? by_slot_[id.slot] : nullptr;
    return connection != nullptr && connection->id() == id ? connection : nullptr;
}

void ShardRunner::move(Connection& connection, ConnectionList& from, ConnectionList& to) {
    if (&from == &arrivals_) {
        connection.give_up_arrival_place();
    }
    from.erase(from.iterator_to(connection));
    to.push_back(connection);
}

void ShardRunner::adopt(std::unique_ptr<Connection> connection) {
    if (!connection->attach(*this)) {
        ++counters_.accept_failures;
        return;  // and so is closed
    }
    Connection& adopted = *connection;
    if (adopted.stage() == Stage::moving) {
        arrivals_.push_back(*connection.release());
        settle(adopted);
        return;
    }
    arrivals_.push_back(*connection.release());
    // Often its first bytes are there already.
    if (adopted.is_at_costly_handshake()) {
        go_on_later(adopted);
    } else {
        adopted.go_on();
    }
}

// All the silent, up to a bound, but only one of those that have begun.
void ShardRunner::make_room() {
    constexpr int places_at_once = 64;
    for (int i = 0; i < places_at_once; ++i) {
        Connection* const superfluous = most_superfluous(now());
        const bool is_first = i == 0;
        if (superfluous == nullptr || (superfluous->arrival().has_spoken && !is_first)) {
            return;
        }
        crowd_out(*superfluous);
    }
}

// Of those whose grace is over, the oldest that has not said anything, or the oldest; null: all are
// still to be given time.
Connection* ShardRunner::most_superfluous(core::Instant now) {
    Connection* oldest = nullptr;
    for (Connection& connection : arrivals_) {
        const core::Instant grace_ends =
            connection.deadline() - arrival_limits_.connect_timeout + arrival_limits_.grace;
        if (grace_ends > now) {
            break;  // oldest first, so the rest are younger
        }
        if (!connection.arrival().has_spoken) {
            return &connection;
        }
        oldest = oldest == nullptr ? &connection : oldest;
    }
    return oldest;
}

// Silent connections must not keep others out.
void ShardRunner::crowd_out(Connection& connection) {
    ++counters_.crowded_out;
    if (const auto unlogged = crowded_out_gate_.admit(now())) {
        log_.on_crowded_out(describe(connection), *unlogged);
    }
    drop(connection);
}

core::Instant ShardRunner::arrival_deadline() const {
    return arrivals_.empty() ? core::never : arrivals_.front().deadline();
}

void ShardRunner::place(Connection& connection) {
    // Not MQTT at all, like a browser's request; its "packet" may never become whole.
    constexpr std::byte connect_first_byte{0x10};
    if (connection.kept().front() != connect_first_byte) {
        ++counters_.closed_before_connect;
        log_.on_closed_before_connect(describe(connection), "the first packet is not a CONNECT");
        drop(connection);
        return;
    }
    const auto home =
        core::home_shard(connection.kept(), limits_, hash_seed_, shard_count_, index_);
    if (!home) {
        return;
    }
    if (*home == index_) {
        settle(connection);
        return;
    }
    connection.set_stage(Stage::moving);
    move(connection, arrivals_, open_);
    movers_.emplace_back(&connection, *home);
}

// This shard is its home: the core takes over.
void ShardRunner::settle(Connection& connection) {
    if (expel_if_distrusted(connection)) {
        return;
    }
    if (Connection* const earlier = find(shard_->connection_before(connection.kept()))) {
        constexpr int turns = 4;  // a turn reads once
        for (int i = 0; i < turns; ++i) {
            earlier->go_on();
        }
    }
    core::ConnectionInfo info;
    info.peer = connection.arrival().peer;
    info.listener = connection.arrival().listener;
    info.secure = connection.stream().is_secure();
    info.certificate_name = connection.stream().peer_identity();
    const ConnectionId id = shard_->open(std::move(info), now());
    if (id.slot >= by_slot_.size()) {
        by_slot_.resize(id.slot + 1);
    }
    by_slot_[id.slot] = &connection;
    move(connection, arrivals_, open_);
    connection.open(id);
}

void ShardRunner::send_movers() {
    for (const auto& [connection, home] : movers_) {
        unqueue(*connection);
        open_.erase(open_.iterator_to(*connection));
        connection->detach();
        ++counters_.handed_over;
        peers_[home]->mailbox().push(ConnectionMail{std::unique_ptr<Connection>(connection)});
    }
    movers_.clear();
}

void ShardRunner::on_lost_before_connect(Connection& connection, StreamStatus how) {
    tell_lost_before_connect(connection, how);
    if (how != StreamStatus::refused) {
        drop(connection);
        return;
    }
    // It is told why; unread bytes must not cause a reset that overtakes the answer.
    move(connection, arrivals_, ending_);
    connection.set_close_reason(CloseReason::protocol_error);
    connection.set_deadline(now() + close_patience_);
    connection.linger();
}

void ShardRunner::tell_lost_before_connect(const Connection& connection, StreamStatus how) {
    const PeerDescription peer = describe(connection);
    const bool is_over = how == StreamStatus::end;
    const std::string what = is_over ? "end of stream" : connection.stream().failure();
    const bool in_handshake = connection.stage() == Stage::handshake;
    const HandshakeStep step = connection.stream().handshake_step();
    if (in_handshake && step == HandshakeStep::tls) {
        ++counters_.handshake_failures;
        counters_.certificates_refused += connection.stream().distrusts_peer() ? 1 : 0;
        log_.on_handshake_failed(peer, connection.stream().failure());
    } else if (in_handshake && step == HandshakeStep::proxy_header && !is_over) {
        ++counters_.refused_proxy_headers;
        if (const auto unlogged = proxy_header_gate_.admit(now())) {
            log_.on_proxy_header_refused(peer, what, *unlogged);
        }
    } else if (in_handshake && how == StreamStatus::refused) {
        ++counters_.refused_upgrades;
        if (const auto unlogged = upgrade_gate_.admit(now())) {
            log_.on_upgrade_refused(peer, what, *unlogged);
        }
    } else {
        ++counters_.closed_before_connect;
        log_.on_closed_before_connect(peer, what);
    }
}

// Frees one that the core does not know (any more).
void ShardRunner::drop(Connection& connection) {
    move(connection, list_of(connection), closed_);
    connection.close();
}

ShardRunner::ConnectionList& ShardRunner::list_of(const Connection& connection) {
    switch (connection.stage()) {
        case Stage::handshake:
        case Stage::awaiting_connect:
            return arrivals_;
        case Stage::moving:
        case Stage::open:
            return open_;
        case Stage::closing:
        case Stage::lingering:
            return ending_;
        case Stage::closed:
            return closed_;
    }
    return closed_;
}

// The peer has ended the stream or broke its rules, or it broke. After an orderly end the peer may
// still read: it gets the answers of this pass, as far as the network takes them at once.
void ShardRunner::on_lost(Connection& connection, StreamStatus how) {
    const bool can_be_told = how == StreamStatus::end || how == StreamStatus::refused;
    if (can_be_told && connection.stage() == Stage::open) {
        close(connection.id(),
              how == StreamStatus::end ? CloseReason::peer_closed : CloseReason::protocol_error);
        return;
    }
    end(connection,
        connection.stage() == Stage::closing ? connection.close_reason()
                                             : CloseReason::network_error,
        false);
}

// The core wants to hear when an outbox that was long has become short; it is told in the next
// pass.
void ShardRunner::flush(ConnectionId id) {
    Connection* connection = find(id);
    if (connection == nullptr) {
        return;
    }
    const bool was_long = shard_->outbox(id).size() > core::write_low_water(limits_);
    if (connection->flush() && was_long) {
        drained_outboxes_.push_back(id);
    }
}

void ShardRunner::report_drained() {
    for (std::size_t i = 0; i < drained_outboxes_.size(); ++i) {
        shard_->on_written(drained_outboxes_[i], now());
    }
    drained_outboxes_.clear();
}

void ShardRunner::close(ConnectionId id, CloseReason reason) {
    Connection* connection = find(id);
    if (connection == nullptr || connection->stage() != Stage::open) {
        return;
    }
    move(*connection, open_, ending_);
    connection->set_stage(Stage::closing);
    connection->set_close_reason(reason);
    connection->set_deadline(now() + close_patience_);
    to_finish_.push_back(id);
}

void ShardRunner::resume_reading(ConnectionId id) {
    resumed_.push_back(id);
}

// To free a socket takes as long as many messages: when thousands leave at once, others have their
// turns in between.
void ShardRunner::finish_closing() {
    constexpr std::size_t ends_per_pass = 16;
    const std::size_t count = std::min(to_finish_.size(), ends_per_pass);
    for (std::size_t i = 0; i < count; ++i) {
        Connection* const connection = find(to_finish_[i]);
        if (connection == nullptr || connection->stage() != Stage::closing) {
            continue;  // broken meanwhile
        }
        const bool flushed = connection->flush();
        if (connection->stage() == Stage::closing &&
            (flushed || connection->close_reason() == CloseReason::peer_closed)) {
            on_flushed(*connection);
        }
    }
    to_finish_.erase(to_finish_.begin(), to_finish_.begin() + static_cast<std::ptrdiff_t>(count));
}

void ShardRunner::on_flushed(Connection& connection) {
    const bool lingers =
        should_linger(connection.close_reason()) || connection.stream().expects_goodbye();
    if (!lingers) {
        connection.say_goodbye();
    }
    end(connection, connection.close_reason(), lingers);
}

void ShardRunner::on_lingered(Connection& connection) {
    drop(connection);
}

// The end as the core sees it: it is told in the next report_closed().
void ShardRunner::end(Connection& connection, CloseReason reason, bool linger) {
    const ConnectionId id = connection.id();
    by_slot_[id.slot] = nullptr;
    to_report_.emplace_back(id, reason);
    if (linger) {
        connection.linger();
    } else {
        drop(connection);
    }
}

void ShardRunner::report_closed() {
    for (std::size_t i = 0; i < to_report_.size(); ++i) {
        shard_->on_closed(to_report_[i].first, to_report_[i].second, now());
    }
    to_report_.clear();
}

void ShardRunner::expire(core::Instant now) {
    while (arrival_deadline() <= now) {
        Connection& connection = arrivals_.front();
        ++counters_.connect_timeouts;
        log_.on_closed_before_connect({connection.arrival().listener, connection.arrival().peer},
                                      "no CONNECT in time");
        drop(connection);
    }
    while (!ending_.empty() && ending_.front().deadline() <= now) {
        Connection& connection = ending_.front();
        if (connection.stage() == Stage::closing) {
            end(connection, connection.close_reason(), false);
        } else {
            drop(connection);
        }
    }
}

void ShardRunner::free_closed() {
    for (auto it = closed_.begin(); it != closed_.end();) {
        Connection& connection = *it;
        if (connection.is_queued()) {
            ++it;  // its turn comes first, and finds nothing to do
        } else {
            it = closed_.erase(it);
            delete &connection;
        }
    }
}

void ShardRunner::unqueue(Connection& connection) {
    if (connection.is_queued()) {
        connection.set_queued(false);
        std::erase(queued_, &connection);
    }
}

void ShardRunner::drain(std::function<void()> drained) {
    while (!arrivals_.empty()) {
        drop(arrivals_.front());
    }
    close_patience_ = close_patience_at_drain;
    shard_->shut_down(now());
    drained_ = std::move(drained);
}

// Whatever is left, without manners.
void ShardRunner::clean_up() {
    send_movers();
    while (mail_) {
        mail_ = std::move(mail_->next);
    }
    for (ConnectionList* list : {&arrivals_, &open_, &ending_}) {
        while (!list->empty()) {
            Connection& connection = list->front();
            move(connection, *list, closed_);
            connection.close();
        }
    }
    for (Connection* connection : queued_) {
        connection->set_queued(false);
    }
    queued_.clear();
    free_closed();
}

}  // namespace martlet::transport
