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
    if (!access_.permits_everything() &&
        !access_.may_read(session.owner, session.client_id, publication.topic())) {
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
    if (session.in_store) {
        targets_.push_back({session.id, terms.bits()});
    }
    send_inflight(session, *connection, publication, terms);
    return Delivered::sent;
}

// A message at QoS 0 is for who is connected now; who has had no CONNACK yet is not [v3.1.1
// MQTT-3.2.0-1] [v5 MQTT-3.2.0-1].
Shard::Delivered Shard::deliver_qos0(Session& session, Publication& publication,
                                     DeliveryTerms terms) {
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

// Queue limits are in messages and in bytes; at either, the newest message is refused and counted.
Shard::Delivered Shard::enqueue(Session& session, Publication& publication, DeliveryTerms terms) {
    const std::size_t size = publication.message()->memory_size();
    if (session.queue.size() >= limits_.queued_messages_max ||
        session.queued_bytes + size > limits_.queued_bytes_max) {
        note_drop(session, publication.topic(), counters_.dropped_queue_full,
                  "the session's queue is full");
        finish_extras(session, terms, nullptr);
        return Delivered::refused;
    }
    if (session.in_store) {
        targets_.push_back({session.id, terms.bits()});
    }
    session.queue.push_back({publication.message(), terms});
    session.queued_bytes += size;
    queued_bytes_ += size;
    ++queued_messages_;
    if (session.is_connected() && (session.queue.size() >= limits_.queued_messages_max / 2 ||
                                   session.queued_bytes >= limits_.queued_bytes_max / 2)) {
        congest(connections_[session.connection.slot], publication.origin());
    }
    return Delivered::queued;
}

Delivery Shard::dequeue(Session& session) {
    Delivery delivery = std::move(session.queue.front());
    session.queue.pop_front();
    const std::size_t size = delivery.message->memory_size();
    session.queued_bytes -= size;
    queued_bytes_ -= size;
    --queued_messages_;
    return delivery;
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
                          DeliveryTerms terms) {
    const State state =
        terms.qos() == QoS::at_least_once ? State::awaiting_puback : State::awaiting_pubrec;
    InflightOut& entry = session.inflight.add({publication.message(), terms}, state);
    entry.sent = true;
    ++inflight_messages_;
    if (session.in_store) {
        record(OutgoingPut{session.id, entry.packet_id, entry.message, false});
    }
    if (write_publish(connection, publication, terms, session, entry.packet_id, false) ==
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
    while (!session.queue.empty() && may_send(session, connection)) {
        Delivery delivery = dequeue(session);
        if (delivery.message->expires_at() <= now_) {
            ++counters_.dropped_expired;  // [v5 MQTT-3.3.2-5]
            if (session.in_store) {
                record(MessageDone{session.id, delivery.message});
            }
            finish_extras(session, delivery.terms, nullptr);
            continue;
        }
        Publication publication(std::move(delivery.message));
        send_inflight(session, connection, publication, delivery.terms);
    }
    notice_progress(connection);
}

// [v3.1.1 MQTT-4.4.0-1]: with their own Packet Identifiers, DUP set. A client may have come back
// with a smaller Receive Maximum, so these go through the window too.
void Shard::resend_inflight(Session& session, Connection& connection) {
    std::size_t outstanding = session.inflight.active() - session.inflight_unsent;
    const std::size_t most = window(connection);
    session.inflight.for_each([&](InflightOut& entry) {
        if (entry.sent || outstanding >= most ||
            connection.outbox.size() >= limits_.write_limit_bytes) {
            return;
        }
        if (entry.state == State::awaiting_pubcomp) {
            send_pubrel(connection, entry.packet_id);
        } else {
            Publication publication(entry.message);
            write_publish(connection, publication, entry.terms, session, entry.packet_id, true);
        }
        entry.sent = true;
        --session.inflight_unsent;
        ++outstanding;
    });
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
