// Delivery of messages to one session: at once, through its inflight window, or through its queue.
#include <algorithm>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/varint.hpp"
#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::PacketId;
using protocol::QoS;
using State = InflightOut::State;

Shard::Delivered Shard::deliver(Session& session, Publication& publication, DeliveryTerms terms) {
    if (!may_read(session, publication.topic())) {
        ++counters_.dropped_not_permitted;
        finish_extras(session, terms, nullptr);
        return Delivered::skipped;
    }
    if (terms.qos() == QoS::at_most_once) {
        return deliver_qos0(session, publication, terms);
    }
    Connection* connection =
        session.is_connected() ? &connections_[session.connection.slot] : nullptr;
    const bool at_once =
        connection != nullptr && session.queue.empty() && may_send(session, *connection);
    if (!at_once) {
        return enqueue(session, publication, terms);
    }
    send_inflight(session, *connection, publication, terms, record_target(session, terms));
    return Delivered::sent;
}

// Unless it is to be queued too, a message at QoS 0 is for who is connected now; who has had no
// CONNACK yet is not [v3.1.1 MQTT-3.2.0-1] [v5 MQTT-3.2.0-1].
Shard::Delivered Shard::deliver_qos0(Session& session, Publication& publication,
                                     DeliveryTerms terms) {
    if (limits_.queue_qos0 && may_wait(session, terms)) [[unlikely]] {
        return enqueue(session, publication, terms);
    }
    if (!is_online(session)) {
        finish_extras(session, terms, nullptr);
        return Delivered::skipped;
    }
    Connection& connection = connections_[session.connection.slot];
    const std::size_t waiting = connection.outbox.size();
    if (waiting >= limits_.write_limit_bytes) [[unlikely]] {
        if (connection.lagging || waiting >= write_hard_limit(limits_)) {
            note_drop(session, publication.topic(), counters_.dropped_slow_subscriber,
                      "the subscriber reads too slowly");
            finish_extras(session, terms, nullptr);
            return Delivered::refused;
        }
        congest(connection, publication.origin());
    }
    const Written written =
        write_publish(connection, publication, terms, session, PacketId::none, false);
    finish_extras(session, terms, nullptr);
    return written == Written::ok ? Delivered::sent : Delivered::skipped;
}

std::size_t Shard::window(const Connection& connection) const {
    return std::min(limits_.inflight_max, connection.receive_maximum);
}

bool Shard::may_send(const Session& session, const Connection& connection) const {
    return session.inflight_unsent == 0 && session.inflight.active() < window(connection) &&
           session.inflight.can_add() && connection.outbox.size() < limits_.write_limit_bytes &&
           !connection.connack_pending;
}

void Shard::send_inflight(Session& session, Connection& connection, Publication& publication,
                          DeliveryTerms terms, MessageId stored) {
    const State state =
        terms.qos() == QoS::at_least_once ? State::awaiting_puback : State::awaiting_pubrec;
    InflightOut& entry = session.inflight.add({publication.message(), stored, terms, 0}, state);
    ++inflight_messages_;
    if (stored != 0) {
        session.taken_through = stored;
        mark_window(session);
        // What is recorded in this pass goes into the store with its identifier, all or nothing; at
        // QoS 1 that is as good. A message that is there already must not be sent before, and
        // nothing may overtake it.
        const bool is_recorded_now = stored == stored_.id;
        const bool waits = !is_recorded_now || session.inflight_held != 0;
        if (state == State::awaiting_pubrec || (waits && !store_refuses_)) {
            hold(session, entry);
            return;
        }
    }
    entry.sent = true;
    send_entry(session, connection, entry, publication);
}

// The PUBLISH of an entry; it may be finished afterwards.
void Shard::send_entry(Session& session, Connection& connection, InflightOut& entry,
                       Publication& publication) {
    const bool dup = entry.sent_once;  // [v3.1.1 MQTT-3.3.1-1] [v5 MQTT-3.3.1-1]
    entry.sent_once = true;
    if (write_publish(connection, publication, entry.terms, session, entry.packet_id, dup) ==
        Written::too_large) {
        finish_delivery(session, entry);  // for this client it is as if it had been delivered
    }
}

// Sends as much as window and outbox allow: first what was in flight when the last connection
// ended, then the queue, in order [v3.1.1 MQTT-4.6.0-1] [v3.1.1 MQTT-4.6.0-6].
void Shard::pump(Session& session) {
    if (!session.is_connected()) {
        return;
    }
    Connection& connection = connections_[session.connection.slot];
    if (connection.connack_pending) {
        return;
    }
    if (session.inflight_unsent != 0) {
        resend_inflight(session, connection);
    }
    while (!session.queue.empty() && may_send(session, connection) &&
           take_from_queue(session, connection)) {
    }
    load_ahead(session);
    notice_progress(connection);
}

// False when the first message of the queue is not in memory yet.
bool Shard::take_from_queue(Session& session, Connection& connection) {
    if (!session.queue.front().message && session.queue.front().stored != 0) {
        return false;
    }
    Delivery delivery = dequeue(session);
    if (!delivery.message) {
        finish_extras(session, delivery.terms, nullptr);  // lost: see lose()
        return true;
    }
    if (delivery.message->expires_at() <= now_) {
        ++counters_.dropped_expired;  // [v5 MQTT-3.3.2-5]
        if (delivery.stored != 0) {
            record(MessageDone{delivery.stored});
        }
        finish_extras(session, delivery.terms, nullptr);
        return true;
    }
    Publication publication(std::move(delivery.message));
    if (!may_read(session, publication.topic())) {  // any more
        ++counters_.dropped_not_permitted;
        if (delivery.stored != 0) {
            record(MessageDone{delivery.stored});
        }
        finish_extras(session, delivery.terms, nullptr);
        return true;
    }
    if (delivery.terms.qos() == QoS::at_most_once) {
        write_publish(connection, publication, delivery.terms, session, PacketId::none, false);
        finish_extras(session, delivery.terms, nullptr);
        return true;
    }
    send_inflight(session, connection, publication, delivery.terms, delivery.stored);
    return true;
}

// [v3.1.1 MQTT-4.4.0-1]: with their own Packet Identifiers, DUP set. A client may have come back
// with a smaller Receive Maximum, so these go through the window too.
void Shard::resend_inflight(Session& session, Connection& connection) {
    std::size_t outstanding = session.inflight.active() - session.inflight_unsent;
    const std::size_t most = window(connection);
    bool blocked = false;
    session.inflight.for_each([&](InflightOut& entry) {
        if (entry.sent || entry.is_held || blocked) {
            return;
        }
        if (entry.message && !may_read(session, entry.message->topic())) {  // any more
            drop_inflight(session, connection, entry);
            return;
        }
        const bool is_released = entry.state == State::awaiting_pubcomp;
        blocked = outstanding >= most || connection.outbox.size() >= limits_.write_limit_bytes ||
                  (!is_released && !entry.message);  // it comes from the store first
        if (blocked) {
            return;
        }
        entry.sent = true;
        --session.inflight_unsent;
        ++outstanding;
        if (is_released) {
            send_pubrel(connection, entry.packet_id);
            return;
        }
        Publication publication(entry.message);
        const bool dup = entry.sent_once;
        entry.sent_once = true;
        write_publish(connection, publication, entry.terms, session, entry.packet_id, dup);
    });
    session.inflight.drop_finished();
}

// While the window is walked: an entry that waits to be sent again ends here.
void Shard::drop_inflight(Session& session, Connection& connection, InflightOut& entry) {
    ++counters_.dropped_not_permitted;
    if (entry.state == State::awaiting_pubrec && entry.sent_once) {
        // The client may know the identifier, and would take the next message under it for this
        // one: the exchange goes on as if it had it.
        if (!begin_release(session, entry)) {
            entry.sent = true;
            --session.inflight_unsent;
            send_pubrel(connection, entry.packet_id);
        }
        return;
    }
    if (entry.stored != 0) {
        record(MessageDone{entry.stored});
    }
    if (is_kept(session)) {
        mark_window(session);
    }
    finish_extras(session, entry.terms, nullptr);
    --session.inflight_unsent;
    --inflight_messages_;
    session.inflight.finish_later(entry);
}

void Shard::note_drop(Session& session, std::string_view topic, std::uint64_t& counter,
                      std::string_view what) {
    ++counter;
    bool& logged = session.is_connected() ? connections_[session.connection.slot].drop_logged
                                          : session.drop_logged;
    if (!logged) {
        logged = true;
        log_.on_drop({describe(session), topic, what});
    }
}

}  // namespace martlet::core
