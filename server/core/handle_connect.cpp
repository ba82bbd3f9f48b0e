// CONNECT: who is it, may they, which session, and the CONNACK.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/packet/connack.hpp"
#include "protocol/topic.hpp"
#include "protocol/utf8.hpp"
#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"
#include "server/core/write_packet.hpp"

namespace martlet::core {

using protocol::ConnectView;
using protocol::ReasonCode;
using protocol::Version;

namespace {

// Client Identifiers that differ give topic levels that differ, whatever is in them.
void append_topic_level(std::string& topic, std::string_view client_id) {
    for (const char c : client_id) {
        if (c == '/' || c == '+' || c == '#' || c == '%') {
            topic += fmt::format("%{:02X}", static_cast<unsigned>(c));
        } else {
            topic += c;
        }
    }
}

}  // namespace

void Shard::handle_connect(Connection& connection, const protocol::FrameView& frame) {
    std::optional<Version> version;
    const auto connect = protocol::decode_connect(frame, &version);
    if (version) {
        connection.version = *version;
    }
    if (!connect) {
        const ReasonCode reason = connect.error().reason;
        // 3.1.1 has an answer for a wrong level alone [v3.1.1 MQTT-3.1.2-2]; for other faults it is
        // to close.
        const bool answered = reason == ReasonCode::unsupported_protocol_version ||
                              (version && protocol::is_v5(*version));
        if (answered) {
            ++counters_.protocol_errors;
            refuse_connect(connection, {}, {}, reason, connect.error().what);
        } else {
            close(connection, CloseReason::protocol_error, reason, connect.error().what);
        }
        return;
    }
    connection.problem_information = connect->request_problem_information;
    connection.packet_size_max = connect->maximum_packet_size;
    if (is_shutting_down_) {
        refuse_connect(connection, connect->client_id, connect->user_name.value_or(""),
                       limits_.server_reference.empty() ? ReasonCode::server_unavailable
                                                        : ReasonCode::use_another_server,
                       "the server is shutting down");
        return;
    }
    if (connect->authentication_method) {
        begin_exchange(connection, *connect, frame);
        return;
    }
    const auto decided = access_.authenticate(*connect, connection.info, connection.id);
    if (decided) {
        finish_connect(connection, *connect, *decided);
        return;
    }
    connection.state = Connection::State::authenticating;
    connection.connect_frame =
        std::make_unique<std::vector<std::byte>>(frame.whole.begin(), frame.whole.end());
    update_reading(connection);
}

void Shard::on_authenticated(ConnectionId id, const AuthenticationResult& result, Instant now) {
    now_ = now;
    Connection* connection = find(id);
    if (connection == nullptr || connection->state != Connection::State::authenticating ||
        connection->enhanced) {
        return;  // gone meanwhile
    }
    const auto bytes = std::move(connection->connect_frame);
    connection->state = Connection::State::awaiting_connect;
    finish_connect(*connection, kept_connect(*bytes), result);
    update_reading(*connection);
}

void Shard::refuse_connect(Connection& connection, std::string_view client_id,
                           std::string_view user_name, ReasonCode reason, std::string_view what) {
    ++counters_.connects_refused;
    log_.on_refused({{client_id, connection.info.peer, user_name}, reason, what});
    protocol::ConnackView connack;
    connack.reason = reason;
    if (protocol::is_v5(connection.version) && connection.problem_information && !what.empty()) {
        connack.reason_string = what;
    }
    if (reason == ReasonCode::use_another_server) {
        connack.server_reference = limits_.server_reference;
    }
    write_packet(connection, connack);
    timers_.cancel(connection.timer);
    connection.state = Connection::State::closing;
    port_.close(connection.id, CloseReason::refused);
}

std::string Shard::make_client_id(std::string_view prefix) {
    // Unique here by the counter and elsewhere by the seed; tried until it hashes to this shard.
    while (true) {
        std::string id =
            fmt::format("{}{:08X}-{:X}", prefix,
                        static_cast<std::uint32_t>(hash_seed_ * 0x9E3779B97F4A7C15ULL >> 32U),
                        ++last_assigned_id_);
        if (home_of_client(id, hash_seed_, shard_count_) == index_ &&
            !sessions_by_client_id_.contains(id)) {
            return id;
        }
    }
}

// The rules about the Client Identifier and what this server grants; true when it may go on.
bool Shard::check_connect(Connection& connection, const ConnectView& connect,
                          std::string& client_id) {
    const auto refuse = [&](ReasonCode reason, std::string_view what) {
        refuse_connect(connection, connect.client_id, connect.user_name.value_or(""), reason, what);
        return false;
    };
    const ListenerLimits& grants = limits_.of(connection.info.listener);
    if (connect.client_id.empty()) {
        // [v3.1.1 MQTT-3.1.3-8]; 3.1 always wants an identifier.
        const bool permitted = grants.allow_zero_length_client_id &&
                               connect.version != Version::v3_1 &&
                               (protocol::is_v5(connect.version) || connect.clean_start);
        if (!permitted) {
            return refuse(ReasonCode::client_identifier_not_valid,
                          "an empty client identifier is not permitted");
        }
        client_id = make_client_id(grants.client_id_prefix);
    } else {
        client_id = connect.client_id;
    }
    if (limits_.keep_alive_max_s != 0 && !protocol::is_v5(connect.version) &&
        (connect.keep_alive_s == 0 || connect.keep_alive_s > limits_.keep_alive_max_s)) {
        return refuse(ReasonCode::client_identifier_not_valid, "keep alive above max_keepalive");
    }
    if (connect.will) {
        if (connect.will->qos > grants.qos_max) {  // [v5 MQTT-3.2.2-12]
            return refuse(ReasonCode::qos_not_supported, "the will's QoS is above max_qos");
        }
        if (connect.will->retain && !limits_.retain_available) {
            return refuse(ReasonCode::retain_not_supported, "retained wills are switched off");
        }
        if (protocol::level_count(connect.will->topic) > limits_.topic_levels_max) {
            return refuse(ReasonCode::topic_name_invalid, "the will topic has too many levels");
        }
        if (limits_.validate_payload_format && connect.will->payload_is_utf8 &&
            !protocol::is_well_formed_utf8(protocol::as_text(connect.will->payload))) {
            return refuse(ReasonCode::payload_format_invalid, "the will is not UTF-8 as it says");
        }
    }
    return true;
}

// What the identity may do: have this session, publish this will.
bool Shard::authorize_connect(Connection& connection, const ConnectView& connect,
                              std::string_view client_id, const Identity& identity) {
    const Session* existing = find_session(client_id);
    if (existing == nullptr && is_memory_tight_) {
        ++counters_.refused_memory_full;
        refuse_connect(connection, client_id, identity.user_name, ReasonCode::quota_exceeded,
                       "the broker's memory is used up (memory_limit)");
        return false;
    }
    // A session belongs to its owner: nobody else may take it over.
    if (existing != nullptr && !(existing->owner == identity)) {
        refuse_connect(connection, client_id, identity.user_name,
                       ReasonCode::client_identifier_not_valid,
                       "the client identifier belongs to another user");
        return false;
    }
    if (connect.will && !may_publish(identity, client_id, connect.will->topic)) {
        refuse_connect(connection, client_id, identity.user_name, ReasonCode::not_authorized,
                       "not permitted to publish the will");
        return false;
    }
    return true;
}

void Shard::finish_connect(Connection& connection, const ConnectView& connect,
                           const AuthenticationResult& authentication) {
    if (protocol::is_error(authentication.reason)) {
        refuse_connect(connection, connect.client_id, connect.user_name.value_or(""),
                       authentication.reason, authentication.what);
        return;
    }
    std::string client_id;
    if (!check_connect(connection, connect, client_id)) {
        return;
    }
    if (!authorize_connect(connection, connect, client_id, authentication.identity)) {
        return;
    }
    bool present = false;
    Session& session =
        open_session(connect, std::move(client_id), authentication.identity, present);
    connection.state = Connection::State::connected;
    connection.session = session.slot;
    session.connection = connection.id;
    connection.receive_maximum = connect.receive_maximum;
    connection.sent_aliases_max = std::min(
        connect.topic_alias_maximum, limits_.of(connection.info.listener).sent_topic_aliases_max);
    connection.response_information =
        connect.request_response_information && !limits_.response_information_prefix.empty();
    connection.keep_alive_s = connect.keep_alive_s;
    if (limits_.keep_alive_max_s != 0 &&
        (connect.keep_alive_s == 0 || connect.keep_alive_s > limits_.keep_alive_max_s)) {
        connection.keep_alive_s = limits_.keep_alive_max_s;
        connection.server_keep_alive = true;
    }
    connection.server_expiry = session.expiry_interval_s != connect.session_expiry_interval_s;
    if (connection.keep_alive_s != 0) {
        timers_.schedule(connection.timer,
                         {static_cast<std::uint8_t>(TimerKind::keep_alive), connection.id.slot},
                         now_ + keep_alive_patience(connection.keep_alive_s));
    }
    limit_rights(session, authentication.valid_for);
    set_will(session, connect);
    ++counters_.connects_accepted;
    log_.on_connected({describe(session), connect.version, connect.clean_start, present,
                       connection.keep_alive_s, connection.info.listener,
                       connect.will ? connect.will->topic : std::string_view{}});
    connection.assigned_client_id = connect.client_id.empty();
    answer_connect(connection, session, present);
}

// Takes over or makes the session [v3.1.1 MQTT-3.1.4-2] [v3.1.1 MQTT-3.1.2-4] [v5 MQTT-3.1.2-4]
// [v5 MQTT-3.1.2-5].
Session& Shard::open_session(const ConnectView& connect, std::string client_id,
                             const Identity& identity, bool& present) {
    Session* session = find_session(client_id);
    if (session != nullptr && session->is_connected()) {
        ++counters_.sessions_taken_over;
        Connection& old = connections_[session->connection.slot];
        close(old, CloseReason::session_taken_over, ReasonCode::session_taken_over,
              "another connection took the session over");
        session = find_session(client_id);  // gone if it ended with its connection
    }
    if (session != nullptr && connect.clean_start) {
        destroy_session(*session);
        session = nullptr;
    }
    present = session != nullptr;
    if (session == nullptr) {
        const SessionSlot slot = sessions_.emplace();
        session = sessions_.get(slot);
        session->slot = slot;
        // Unique among the shards too.
        session->id = session_ids_.take();
        session->client_id = std::move(client_id);
        session->stored_by = ending_of(session->client_id);
        session->owner = identity;
        session->rights_epoch = access_epoch_;
        sessions_by_client_id_.emplace(session->client_id, slot);
    } else {
        renew_identity(*session, identity);
    }
    timers_.cancel(session->timer);
    timers_.cancel(session->will_timer);  // [v5 MQTT-3.1.3-9]
    std::uint32_t expiry = connect.session_expiry_interval_s;
    if (!protocol::is_v5(connect.version)) {
        expiry = connect.clean_start ? 0 : Session::expires_never;
    }
    if (limits_.session_expiry_max_s != 0 && limits_.session_expiry_max_s < expiry) {
        expiry = static_cast<std::uint32_t>(limits_.session_expiry_max_s);
    }
    const bool is_changed = session->expiry_interval_s != expiry;
    session->expiry_interval_s = expiry;
    session->in_store = session->in_store || session->is_persistent();
    record_session(*session, never);
    if (is_changed && is_kept(*session)) {
        session->stored_by = latest_ticket();
    }
    return *session;
}

void Shard::set_will(Session& session, const ConnectView& connect) {
    if (session.will) {
        session.will.reset();
        record_will(session);
        session.stored_by = is_kept(session) ? latest_ticket() : session.stored_by;
    }
    if (!connect.will) {
        return;
    }
    const protocol::WillView& view = *connect.will;
    MessageParts parts;
    parts.topic = view.topic;
    parts.payload = view.payload;
    parts.properties = view.properties;
    parts.qos = view.qos;
    parts.retain = view.retain;
    parts.origin.session = session.id;
    session.will = std::make_unique<Will>();
    session.will->message = Message::make(parts);
    session.will->delay_interval_s = view.delay_interval_s;
    session.will->has_message_expiry = view.message_expiry_interval_s.has_value();
    session.will->message_expiry_interval_s = view.message_expiry_interval_s.value_or(0);
    record_will(session);
    session.stored_by = is_kept(session) ? latest_ticket() : session.stored_by;
}

// That a persistent session begins, or that one is gone, is stored before the client hears of it,
// whoever began or ended it; until then nothing more is read, so nothing can be delivered ahead of
// the CONNACK [v3.1.1 MQTT-3.2.0-1].
void Shard::answer_connect(Connection& connection, const Session& session, bool present) {
    Answer connack;
    connack.connection = connection.id;
    connack.type = protocol::PacketType::connack;
    connack.session_present = present;
    connack.ticket = session.stored_by;
    connection.connack_pending = true;
    answer(connection, std::move(connack));
    update_reading(connection);
}

void Shard::send_connack(Connection& connection, bool session_present) {
    Session* session = session_of(connection);
    if (session == nullptr) {
        return;
    }
    protocol::ConnackView connack;
    connack.session_present = session_present;
    std::string response_information;
    if (protocol::is_v5(connection.version)) {
        connack.receive_maximum = limits_.receive_maximum;
        connack.maximum_packet_size = limits_.packet_size_max;
        connack.topic_alias_maximum = limits_.of(connection.info.listener).topic_alias_max;
        connack.maximum_qos = limits_.of(connection.info.listener).qos_max;  // [v5 MQTT-3.2.2-9]
        if (!limits_.retain_available) {
            connack.retain_available = false;
        }
        if (connection.assigned_client_id) {
            connack.assigned_client_identifier = session->client_id;
        }
        if (connection.server_expiry) {
            connack.session_expiry_interval_s = session->expiry_interval_s;
        }
        if (connection.server_keep_alive) {
            connack.server_keep_alive_s = connection.keep_alive_s;
        }
        if (connection.response_information) {
            response_information = limits_.response_information_prefix;
            append_topic_level(response_information, session->client_id);
            connack.response_information = response_information;
        }
        if (connection.enhanced) {  // [v5 MQTT-4.12.0-5]
            connack.authentication_method = connection.enhanced->method;
            if (connection.enhanced->final_data) {
                connack.authentication_data = protocol::as_bytes(*connection.enhanced->final_data);
            }
        }
    }
    write_packet(connection, connack);
    if (connection.enhanced) {
        connection.enhanced->final_data.reset();
    }
    connection.connack_pending = false;
    update_reading(connection);
    start_session(*session);
}

// After the CONNACK: what was in flight goes out again, then what is queued [v3.1.1 MQTT-4.4.0-1].
void Shard::start_session(Session& session) {
    set_presence(session, true);
    resend_inflight(session, connections_[session.connection.slot]);
    pump(session);
}

}  // namespace martlet::core
