// AUTH: enhanced authentication, during CONNECT and again later.
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/packet/auth.hpp"
#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"
#include "server/core/write_packet.hpp"

namespace martlet::core {

using protocol::AuthView;
using protocol::Bytes;
using protocol::PacketType;
using protocol::ReasonCode;
using State = Connection::State;

void Shard::begin_exchange(Connection& connection, const protocol::ConnectView& connect,
                           const protocol::FrameView& frame) {
    auto exchange =
        access_.begin_exchange(*connect.authentication_method, connection.info, connection.id);
    if (!exchange) {  // [v5 MQTT-4.12.0-1]
        refuse_connect(connection, connect.client_id, connect.user_name.value_or(""),
                       ReasonCode::bad_authentication_method, "unknown authentication method");
        return;
    }
    connection.enhanced = std::make_unique<EnhancedAuthentication>();
    connection.enhanced->method = *connect.authentication_method;
    connection.enhanced->exchange = std::move(exchange);
    connection.connect_frame =
        std::make_unique<std::vector<std::byte>>(frame.whole.begin(), frame.whole.end());
    connection.state = State::exchanging;
    timers_.schedule(connection.timer,
                     {static_cast<std::uint8_t>(TimerKind::exchange), connection.id.slot},
                     now_ + exchange_patience);
    step_exchange(connection, connect.authentication_data);
}

void Shard::step_exchange(Connection& connection, std::optional<Bytes> data) {
    if (const auto step = connection.enhanced->exchange->step(data)) {
        take_step(connection, *step);
        return;
    }
    connection.enhanced->is_deciding = true;
    if (connection.state == State::exchanging) {
        connection.state = State::authenticating;
        update_reading(connection);
    }
}

void Shard::on_authentication_step(ConnectionId id, const AuthenticationStep& step, Instant now) {
    now_ = now;
    Connection* connection = find(id);
    if (connection == nullptr || connection->state == State::closing || !connection->enhanced ||
        !connection->enhanced->is_deciding) {
        return;  // gone meanwhile
    }
    connection->enhanced->is_deciding = false;
    if (connection->state == State::authenticating) {
        connection->state = State::exchanging;
    }
    take_step(*connection, step);
    update_reading(*connection);
}

void Shard::take_step(Connection& connection, const AuthenticationStep& step) {
    EnhancedAuthentication& enhanced = *connection.enhanced;
    if (step.reason == ReasonCode::continue_authentication) {
        send_auth(connection, step);  // [v5 MQTT-4.12.0-2]
        return;
    }
    enhanced.exchange.reset();
    if (!connection.is_connected()) {
        finish_exchange(connection, step);
        return;
    }
    // [v5 MQTT-4.12.1-2]
    if (protocol::is_error(step.reason)) {
        const bool can_be_said = protocol::allows(step.reason, PacketType::disconnect);
        close(connection, CloseReason::refused,
              can_be_said ? step.reason : ReasonCode::not_authorized, step.what);
        return;
    }
    if (!(sessions_[connection.session].owner == step.identity)) {
        close(connection, CloseReason::refused, ReasonCode::not_authorized,
              "re-authenticated as another user");
        return;
    }
    renew_identity(sessions_[connection.session], step.identity);
    send_auth(connection, step);
}

// The end of the exchange that a CONNECT began.
void Shard::finish_exchange(Connection& connection, const AuthenticationStep& step) {
    timers_.cancel(connection.timer);
    connection.state = State::awaiting_connect;
    connection.enhanced->final_data = step.data;
    const auto bytes = std::move(connection.connect_frame);
    AuthenticationResult result{step.reason, step.identity, step.what};
    if (protocol::is_error(step.reason) && !protocol::allows(step.reason, PacketType::connack)) {
        result.reason = ReasonCode::not_authorized;
    }
    finish_connect(connection, kept_connect(*bytes), result);
}

protocol::ConnectView Shard::kept_connect(Bytes frame) {
    const auto progress = protocol::next_frame(frame, frame.size());
    const auto connect = protocol::decode_connect(progress->frame, nullptr);
    MARTLET_ASSERT(connect.has_value());  // it was decoded before
    return *connect;
}

// Before its CONNACK the client may send AUTH and DISCONNECT alone [v5 MQTT-3.1.2-30].
void Shard::handle_exchange_frame(Connection& connection, const protocol::FrameView& frame) {
    if (frame.type == PacketType::disconnect) {
        if (const auto decoded = protocol::decode_disconnect(frame, connection.version); !decoded) {
            refuse_exchange(connection, decoded.error().reason, decoded.error().what);
            return;
        }
        detach(connection, CloseReason::client_disconnected, ReasonCode::success, "");
        connection.state = State::closing;
        port_.close(connection.id, CloseReason::client_disconnected);
        return;
    }
    if (frame.type != PacketType::auth) {
        refuse_exchange(connection, ReasonCode::protocol_error,
                        "neither AUTH nor DISCONNECT before the CONNACK");
        return;
    }
    const auto auth = protocol::decode_auth(frame);
    if (!auth) {
        refuse_exchange(connection, auth.error().reason, auth.error().what);
        return;
    }
    if (const auto fault = fault_of(connection, *auth)) {
        refuse_exchange(connection, fault->reason, fault->what);
        return;
    }
    step_exchange(connection, auth->data);
}

void Shard::refuse_exchange(Connection& connection, ReasonCode reason, std::string_view what) {
    if (reason != ReasonCode::not_authorized) {
        ++counters_.protocol_errors;
    }
    const auto bytes = std::move(connection.connect_frame);
    const protocol::ConnectView connect = kept_connect(*bytes);
    refuse_connect(connection, connect.client_id, connect.user_name.value_or(""), reason, what);
}

// What is wrong with an AUTH here and now; nothing: it is the client's turn to say it.
std::optional<protocol::DecodeError> Shard::fault_of(const Connection& connection,
                                                     const AuthView& auth) {
    if (!connection.enhanced) {  // [v5 MQTT-4.12.0-7]
        return protocol::fail(ReasonCode::protocol_error,
                              "AUTH without an authentication method in CONNECT");
    }
    if (auth.reason == ReasonCode::success) {
        return protocol::fail(ReasonCode::protocol_error, "only a server's AUTH says success");
    }
    const EnhancedAuthentication& enhanced = *connection.enhanced;
    if (auth.method != enhanced.method) {  // [v5 MQTT-4.12.0-5] [v5 MQTT-4.12.1-1]
        return protocol::fail(ReasonCode::bad_authentication_method,
                              "not the authentication method of CONNECT");
    }
    const bool begins = auth.reason == ReasonCode::reauthenticate;
    if (enhanced.is_deciding || begins == (enhanced.exchange != nullptr)) {
        return protocol::fail(ReasonCode::protocol_error, "AUTH out of turn");
    }
    return std::nullopt;
}

void Shard::handle_auth(Connection& connection, const AuthView& auth) {
    if (const auto fault = fault_of(connection, auth)) {
        close(connection, CloseReason::protocol_error, fault->reason, fault->what);
        return;
    }
    if (auth.reason == ReasonCode::reauthenticate) {
        connection.enhanced->exchange =
            access_.begin_exchange(connection.enhanced->method, connection.info, connection.id);
        if (!connection.enhanced->exchange) {  // switched off meanwhile
            close(connection, CloseReason::refused, ReasonCode::bad_authentication_method,
                  "unknown authentication method");
            return;
        }
    }
    step_exchange(connection, auth.data);
}

void Shard::send_auth(Connection& connection, const AuthenticationStep& step) {
    AuthView auth;
    auth.reason = step.reason;
    auth.method = connection.enhanced->method;  // [v5 MQTT-4.12.0-5]
    if (step.data) {
        auth.data = protocol::as_bytes(*step.data);
    }
    write_packet(connection, auth);
}

}  // namespace martlet::core
