// PUBLISH from a client: check, route, acknowledge.
#include <utility>

#include "protocol/topic.hpp"
#include "protocol/utf8.hpp"
#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::PublishView;
using protocol::QoS;
using protocol::ReasonCode;

void Shard::handle_publish(Connection& connection, PublishView& publish) {
    ++counters_.publishes_received;
    counters_.publish_bytes_received += publish.payload.size();
    if (protocol::is_v5(connection.version) && !resolve_alias(connection, publish)) {
        return;
    }
    Session& session = sessions_[connection.session];
    if (publish.qos == QoS::exactly_once && session.incoming_qos2.contains(publish.packet_id)) {
        answer_repeated(connection, publish);
        return;
    }
    const ReasonCode verdict = check_publish(connection, session, publish);
    if (!protocol::is_error(verdict)) {
        if (store_refuses_ && is_refused_by_store(publish)) [[unlikely]] {
            refuse_for_store(connection, publish);
            return;
        }
        accept_publish(connection, session, publish);
        return;
    }
    // A refusal is visible: a reason code in v5; 3.1.1 has none, so the message is acknowledged,
    // counted and logged [v3.1.1 MQTT-3.3.5-2].
    ++counters_.publishes_refused;
    if (verdict == ReasonCode::retain_not_supported ||
        verdict == ReasonCode::receive_maximum_exceeded ||
        verdict == ReasonCode::topic_name_invalid || verdict == ReasonCode::qos_not_supported) {
        close(connection, CloseReason::protocol_error, verdict, protocol::to_string(verdict));
        return;
    }
    log_.on_denied_publish({describe(session), publish.topic, publish.qos, publish.retain, false,
                            !connection.denied_logged, verdict});
    connection.denied_logged = true;
    if (publish.qos == QoS::at_most_once) {
        return;
    }
    if (publish.qos == QoS::exactly_once && !protocol::is_v5(connection.version)) {
        session.incoming_qos2.insert(publish.packet_id);
    }
    answer(connection, answer_to(connection, publish, verdict));
}

// The PUBACK or PUBREC, which waits for nothing yet.
Answer Shard::answer_to(const Connection& connection, const PublishView& publish,
                        ReasonCode reason) {
    Answer ack;
    ack.connection = connection.id;
    ack.type = publish.qos == QoS::at_least_once ? protocol::PacketType::puback
                                                 : protocol::PacketType::pubrec;
    ack.packet_id = publish.packet_id;
    ack.reason = reason;
    ack.may_overtake = publish.qos == QoS::at_least_once;
    return ack;
}

// v5: an alias stands for the topic it was last sent with on this connection [v5 MQTT-3.3.2-7].
bool Shard::resolve_alias(Connection& connection, PublishView& publish) {
    if (publish.topic_alias == 0) {
        return true;
    }
    const std::uint16_t alias_max = limits_.of(connection.info.listener).topic_alias_max;
    if (publish.topic_alias > alias_max) {
        close(connection, CloseReason::protocol_error, ReasonCode::topic_alias_invalid,
              "topic alias above the maximum");
        return false;
    }
    if (!connection.topic_aliases) {
        connection.topic_aliases = std::make_unique<std::vector<std::string>>();
        connection.topic_aliases->resize(std::size_t{alias_max} + 1);
    }
    // The limit may have been raised by a reload since.
    if (publish.topic_alias >= connection.topic_aliases->size()) {
        connection.topic_aliases->resize(std::size_t{alias_max} + 1);
    }
    std::string& known = (*connection.topic_aliases)[publish.topic_alias];
    if (!publish.topic.empty()) {
        known = publish.topic;
        return true;
    }
    if (known.empty()) {
        close(connection, CloseReason::protocol_error, ReasonCode::protocol_error,
              "topic alias was never set up");
        return false;
    }
    publish.topic = known;
    return true;
}

ReasonCode Shard::check_publish(const Connection& connection, const Session& session,
                                const PublishView& publish) {
    // Depth is bounded by length first: most topics are shorter than the number of levels allowed.
    if (publish.topic.size() >= limits_.topic_levels_max &&
        protocol::level_count(publish.topic) > limits_.topic_levels_max) {
        return ReasonCode::topic_name_invalid;
    }
    if (limits_.payload_size_max != 0 && publish.payload.size() > limits_.payload_size_max) {
        return ReasonCode::quota_exceeded;
    }
    if (limits_.validate_payload_format && publish.payload_is_utf8 &&
        !protocol::is_well_formed_utf8(protocol::as_text(publish.payload))) {
        return ReasonCode::payload_format_invalid;
    }
    if (publish.qos > limits_.of(connection.info.listener).qos_max) {
        return ReasonCode::qos_not_supported;
    }
    if (publish.retain && !limits_.retain_available) {
        return ReasonCode::retain_not_supported;
    }
    if (protocol::is_v5(connection.version) && publish.qos != QoS::at_most_once &&
        connection.pubacks_pending + session.incoming_qos2.size() >= limits_.receive_maximum) {
        return ReasonCode::receive_maximum_exceeded;
    }
    return may_publish(session.owner, session.client_id, publish.topic)
               ? ReasonCode::success
               : ReasonCode::not_authorized;
}

bool Shard::may_publish(const Identity& identity, std::string_view client_id,
                        std::string_view topic) const {
    // What the broker says of itself is not for clients to write.
    if (topic.front() == '$' && topic.starts_with("$SYS/")) {
        return false;
    }
    return access_.permits_everything() || access_.may_publish(identity, client_id, topic);
}

// Seen already: answered again, not published again, whatever it would be judged now
// [v3.1.1 MQTT-4.3.3-2] [v5 MQTT-4.3.3-10].
void Shard::answer_repeated(Connection& connection, const PublishView& publish) {
    Answer again = answer_to(connection, publish, ReasonCode::success);
    again.ticket = latest_ticket();
    again.sequence = last_sequence_;
    answer(connection, std::move(again));
}

void Shard::accept_publish(Connection& connection, Session& session, const PublishView& publish) {
    const Instant expires_at = publish.has_message_expiry
                                   ? now_ + std::chrono::seconds(publish.message_expiry_interval_s)
                                   : never;
    Publication publication(publish, {session.id, connection.id, index_}, expires_at);
    if (publish.qos == QoS::at_most_once) {
        route(publication, 0);
        return;
    }
    const std::size_t mark = store_mark();
    Answer ack = answer_to(connection, publish, ReasonCode::success);
    ack.sequence = shard_count_ > 1 ? ++last_sequence_ : 0;
    // Sessions of several shards must get it exactly once, whenever the broker crashes.
    const bool in_parts = shard_count_ > 1 && publish.qos == QoS::exactly_once && is_kept(session);
    part_of_ = {index_, in_parts ? ack.sequence : 0};
    const RouteOutcome outcome = route(publication, ack.sequence);
    part_of_ = {};
    if (protocol::is_v5(connection.version)) {
        ack.reason = judge(outcome, publish);
    }
    if (publish.qos == QoS::exactly_once && !protocol::is_error(ack.reason)) {
        session.incoming_qos2.insert(publish.packet_id);
        if (in_parts) {
            await_parts(session, ack);
        } else if (is_kept(session)) {
            record(IncomingQos2Put{session.id, publish.packet_id});
        }
    }
    ack.ticket = in_parts ? Answer::not_known : ticket_since(mark);
    ack.sent_to = outcome.sent_to;
    if (!in_parts && outcome.sent_to == 0) {
        ack.sequence = 0;  // nobody will confirm it
    }
    answer(connection, std::move(ack));
}

// What a v5 publisher is told. What becomes of it on other shards is not known.
ReasonCode Shard::judge(const RouteOutcome& outcome, const PublishView& publish) {
    if (outcome.sent_to != 0) {
        return ReasonCode::success;
    }
    if (outcome.matched == 0) {
        return ReasonCode::no_matching_subscribers;
    }
    // A message that was kept for later subscribers was not refused by all.
    const bool refused = outcome.matched == outcome.refused && !publish.retain;
    return refused ? ReasonCode::quota_exceeded : ReasonCode::success;
}

}  // namespace martlet::core
