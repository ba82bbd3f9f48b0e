// Sessions from birth to end, and the wills that go with them.
#include <algorithm>
#include <limits>
#include <utility>

#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"

namespace martlet::core {

Session* Shard::find_session(std::string_view client_id) {
    const auto found = sessions_by_client_id_.find(client_id);
    return found == sessions_by_client_id_.end() ? nullptr : sessions_.get(found->second);
}

Session* Shard::session_of(const Connection& connection) {
    return connection.session == no_session ? nullptr : sessions_.get(connection.session);
}

ClientDescription Shard::describe(const Session& session) {
    const Connection* connection = find(session.connection);
    return {session.client_id, connection == nullptr ? std::string_view{} : connection->info.peer,
            session.owner.user_name};
}

ClientDescription Shard::describe(const Connection& connection) {
    return {{}, connection.info.peer, {}};
}

// When a session ends whose connection ended at `disconnected_at` [v5 MQTT-3.1.2-23]; the operator
// may bound how long anybody is remembered.
Instant Shard::expiry_of(const Session& session, Instant disconnected_at) const {
    constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t seconds =
        session.expiry_interval_s == Session::expires_never ? no_end : session.expiry_interval_s;
    if (limits_.session_expiry_max_s != 0) {
        seconds = std::min(seconds, limits_.session_expiry_max_s);
    }
    return seconds == no_end ? never : disconnected_at + std::chrono::seconds(seconds);
}

void Shard::schedule_expiry(Session& session, Instant disconnected_at) {
    const Instant expiry = expiry_of(session, disconnected_at);
    if (expiry != never) {
        timers_.schedule(session.timer,
                         {static_cast<std::uint8_t>(TimerKind::session_expiry), session.slot},
                         expiry);
    }
}

void Shard::destroy_session(Session& session) {
    timers_.cancel(session.timer);
    timers_.cancel(session.will_timer);
    if (session.will) {
        publish_will(session);  // [v5 MQTT-3.1.3-9]: the session's end does not wait for the delay
    }
    cancel_retained(session, {});
    while (!session.subscriptions.empty()) {
        remove_subscription(session, static_cast<std::uint32_t>(session.subscriptions.size() - 1));
    }
    // Leaving a group first makes what comes back go to the others.
    for (const SharedSubscriptionRecord& shared : session.shared_subscriptions) {
        leave_group(session, shared);
    }
    session.shared_subscriptions.clear();
    drop_queue(session);
    if (is_kept(session)) {
        record(SessionErased{session.id});
        note_ending(session.client_id);
    }
    sessions_by_client_id_.erase(session.client_id);
    sessions_.erase(session.slot);
}

// Undelivered messages end with their session; those of shared subscriptions go to another member,
// but a QoS 2 exchange that has begun does not [v5 MQTT-4.8.2-5].
void Shard::drop_queue(Session& session) {
    session.inflight.for_each([&](InflightOut& entry) {
        const bool hand_over = entry.state == InflightOut::State::awaiting_puback;
        if (entry.stored != 0) {
            record(MessageDone{entry.stored});
        }
        finish_extras(session, entry.terms, hand_over ? entry.message : nullptr);
    });
    inflight_messages_ -= session.inflight.active();
    session.inflight.clear();
    session.inflight_unsent = 0;
    session.inflight_held = 0;
    while (!session.queue.empty()) {
        const Delivery delivery = dequeue(session);
        ++counters_.dropped_session_ended;
        if (delivery.stored != 0) {
            record(MessageDone{delivery.stored});
        }
        finish_extras(session, delivery.terms, delivery.message);
    }
}

// [v3.1.1 MQTT-3.1.2-8] [v3.1.1 MQTT-3.1.2-10]
void Shard::publish_will(Session& session) {
    const std::unique_ptr<Will> will = std::move(session.will);
    if (is_kept(session)) {
        record(WillErased{session.id});
    }
    const Message& message = *will->message;
    MessageParts parts;
    parts.topic = message.topic();
    parts.payload = message.payload();
    parts.properties = message.properties();
    parts.qos = message.qos();
    parts.retain = message.retain();
    parts.origin.session = session.id;
    if (will->has_message_expiry) {
        parts.expires_at = now_ + std::chrono::seconds(will->message_expiry_interval_s);
    }
    if (!may_publish(session.owner, session.client_id, message.topic())) {
        ++counters_.publishes_refused;
        log_.on_denied_publish({describe(session), message.topic(), message.qos(), message.retain(),
                                true, true, protocol::ReasonCode::not_authorized});
        return;
    }
    Publication publication(parts);
    route(publication, 0);
}

void Shard::publish_from_broker(std::string_view topic, std::string_view payload, bool retain,
                                Instant now) {
    now_ = now;
    MessageParts parts;
    parts.topic = topic;
    parts.payload = protocol::as_bytes(payload);
    parts.retain = retain;
    parts.origin.shard = index_;
    Publication publication(parts);
    route(publication, 0);
}

void Shard::free_idle_memory() {
    chunk_pool_.free_idle();
    sessions_by_client_id_.rehash(0);
    output_pending_.shrink_to_fit();
}

}  // namespace martlet::core
