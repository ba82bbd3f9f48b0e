// DISCONNECT, and every other way a Network Connection ends.
#include <utility>

#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"
#include "server/core/write_packet.hpp"

namespace martlet::core {

using protocol::ReasonCode;

void Shard::handle_disconnect(Connection& connection, const protocol::DisconnectView& disconnect) {
    Session& session = sessions_[connection.session];
    if (disconnect.session_expiry_interval_s) {
        // A session that was to end with its connection may not be made to last now [v5
        // MQTT-3.14.2-2].
        if (!session.is_persistent() && *disconnect.session_expiry_interval_s != 0) {
            close(connection, CloseReason::protocol_error, ReasonCode::protocol_error,
                  "session expiry interval raised from 0 in DISCONNECT");
            return;
        }
        session.expiry_interval_s = *disconnect.session_expiry_interval_s;
    }
    if (disconnect.reason != ReasonCode::disconnect_with_will) {
        if (session.will && is_kept(session)) {
            record(WillErased{session.id});
        }
        session.will.reset();  // [v3.1.1 MQTT-3.14.4-3] [v5 MQTT-3.14.4-3]
    }
    detach(connection, CloseReason::client_disconnected, disconnect.reason, "");
    connection.state = Connection::State::closing;
    port_.close(connection.id, CloseReason::client_disconnected);
}

void Shard::close(Connection& connection, CloseReason reason, ReasonCode code,
                  std::string_view what) {
    if (connection.state == Connection::State::closing) {
        return;
    }
    if (reason == CloseReason::protocol_error || reason == CloseReason::too_large) {
        ++counters_.protocol_errors;
    }
    const bool connected = connection.is_connected();
    detach(connection, reason, code, what);
    // After CONNACK a v5 client is told why [v5 MQTT-4.13.1-1]; 3.1.1 servers just close.
    if (connected && protocol::is_v5(connection.version) && !connection.connack_pending) {
        protocol::DisconnectView disconnect;
        disconnect.reason = code;
        if (connection.problem_information && !what.empty()) {
            disconnect.reason_string = what;
        }
        if (code == ReasonCode::use_another_server) {
            disconnect.server_reference = limits_.server_reference;
        }
        write_packet(connection, disconnect);
    }
    connection.state = Connection::State::closing;
    port_.close(connection.id, reason);
}

// Takes the connection out of everything but the transport's last flush.
void Shard::detach(Connection& connection, CloseReason reason, ReasonCode code,
                   std::string_view what) {
    if (Session* session = session_of(connection)) {
        log_.on_disconnected({describe(*session), reason, code, what});
    } else {
        log_.on_disconnected({describe(connection), reason, code, what});
    }
    timers_.cancel(connection.timer);
    timers_.cancel(connection.lag_timer);
    if (connection.rate) {
        timers_.cancel(connection.rate->timer);
    }
    connection.answers_pending = 0;
    connection.pubacks_pending = 0;
    connection.pubrecs_pending = 0;
    connection.subacks_pending = 0;
    if (connection.congested) {
        relieve(connection);
    }
    if (Session* session = session_of(connection)) {
        connection.session = no_session;
        leave_connection(*session);
    }
}

// The session's side of a connection that ended. The session may be gone afterwards.
void Shard::leave_connection(Session& session) {
    session.connection = {};
    timers_.cancel(session.timer);  // the end of its rights
    session.inflight.for_each([](InflightOut& entry) { entry.sent = false; });
    session.inflight_unsent =
        static_cast<std::uint32_t>(session.inflight.active()) - session.inflight_held;
    set_presence(session, false);
    unload_queue(session);
    if (session.will) {
        const bool waits = session.will->delay_interval_s != 0 && session.is_persistent();
        if (waits) {
            // The earlier of delay and session end [v5 MQTT-3.1.2-8]; destroy_session publishes
            // too.
            timers_.schedule(session.will_timer,
                             {static_cast<std::uint8_t>(TimerKind::will_delay), session.slot},
                             now_ + std::chrono::seconds(session.will->delay_interval_s));
        } else {
            publish_will(session);
        }
    }
    if (!session.is_persistent()) {
        destroy_session(session);
        return;
    }
    record_session(session, now_);
    schedule_expiry(session, now_);
}

void Shard::shut_down(Instant now) {
    now_ = now;
    is_shutting_down_ = true;
    const ReasonCode code = limits_.server_reference.empty() ? ReasonCode::server_shutting_down
                                                             : ReasonCode::use_another_server;
    for (std::uint32_t slot = 0; slot < connections_.end(); ++slot) {
        if (Connection* connection = connections_.get(slot)) {
            close(*connection, CloseReason::shutting_down, code, "");
        }
    }
}

bool Shard::disconnect_client(std::string_view client_id, Instant now) {
    now_ = now;
    Session* session = find_session(client_id);
    if (session == nullptr || !session->is_connected()) {
        return false;
    }
    close(connections_[session->connection.slot], CloseReason::administrative,
          ReasonCode::administrative_action, "");
    return true;
}

}  // namespace martlet::core
