// A session's queue: what it takes in, what it holds in memory, and what goes when it is full.
#include <utility>

#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::QoS;

// QoS 0 waits for a client that is away, and behind what already waits: a later message must not
// overtake it.
bool Shard::may_wait(const Session& session, DeliveryTerms terms) const {
    return session.is_persistent() && !is_shared(session, terms) &&
           (!is_online(session) || session.queued_qos0 != 0);
}

bool Shard::has_queue_room(const Session& session, std::size_t size) const {
    return session.queue.size() < limits_.queued_messages_max &&
           session.queued_bytes + size <= limits_.queued_bytes_max;
}

Shard::Delivered Shard::enqueue(Session& session, Publication& publication, DeliveryTerms terms) {
    const std::size_t size = publication.message()->memory_size();
    const bool is_tight = is_memory_tight_ && !session.is_connected();
    if (is_tight || (!has_queue_room(session, size) && !make_queue_room(session, terms, size))) {
        note_drop(session, publication.topic(),
                  is_tight ? counters_.dropped_memory_full : counters_.dropped_queue_full,
                  is_tight ? "memory is short" : "the session's queue is full");
        finish_extras(session, terms, nullptr);
        return Delivered::refused;
    }
    const bool is_qos0 = terms.qos() == QoS::at_most_once;
    Delivery& delivery = session.queue.emplace_back();
    delivery.stored = is_qos0 ? 0 : record_target(session, terms);
    delivery.terms = terms;
    delivery.size = static_cast<std::uint32_t>(size);
    if (delivery.stored == 0 || keeps_in_memory(session, terms)) {
        delivery.message = publication.message();
    }
    session.queued_bytes += size;
    session.queued_qos0 += is_qos0 ? 1 : 0;
    queued_bytes_ += size;
    ++queued_messages_;
    const bool is_filling = is_memory_tight_ ||
                            session.queue.size() >= limits_.queued_messages_max / 2 ||
                            session.queued_bytes >= limits_.queued_bytes_max / 2;
    if (session.is_connected() && is_filling) {
        congest(connections_[session.connection.slot], publication.origin());
    }
    return Delivered::queued;
}

// The queue is full: QoS 0 goes first, all of it, so that this is rarely done; then the oldest, if
// that is the policy. Every message that goes is counted. False: the new one has to go.
bool Shard::make_queue_room(Session& session, DeliveryTerms terms, std::size_t size) {
    if (terms.qos() != QoS::at_most_once && session.queued_qos0 != 0) {
        drop_queued_qos0(session);
    }
    while (limits_.queue_full_policy == QueueFullPolicy::drop_oldest &&
           !has_queue_room(session, size) && !session.queue.empty()) {
        drop_oldest(session);
    }
    return has_queue_room(session, size);
}

void Shard::drop_queued_qos0(Session& session) {
    const std::size_t count = session.queue.size();
    for (std::size_t i = 0; i < count; ++i) {
        Delivery delivery = std::move(session.queue.front());
        session.queue.pop_front();
        if (delivery.terms.qos() != QoS::at_most_once) {
            session.queue.push_back(std::move(delivery));
            continue;
        }
        session.queued_bytes -= delivery.size;
        queued_bytes_ -= delivery.size;
        --queued_messages_;
        note_drop(session, delivery.message->topic(), counters_.dropped_queue_full,
                  "the session's queue is full");
        finish_extras(session, delivery.terms, nullptr);
    }
    session.queued_qos0 = 0;
}

void Shard::drop_oldest(Session& session) {
    const Delivery delivery = dequeue(session);
    note_drop(session, delivery.message ? delivery.message->topic() : std::string_view{},
              counters_.dropped_queue_full, "the session's queue is full");
    if (delivery.stored != 0) {
        record(MessageDone{delivery.stored});
    }
    finish_extras(session, delivery.terms, delivery.message);
}

// A stored message waits in memory only where its turn is near; one that may go to another member
// of its group always does.
bool Shard::keeps_in_memory(const Session& session, DeliveryTerms terms) const {
    const bool is_near = session.is_connected() && session.queue.size() <= load_ahead_messages &&
                         session.queued_bytes <= load_ahead_bytes;
    return is_near || is_shared(session, terms);
}

Delivery Shard::dequeue(Session& session) {
    Delivery delivery = std::move(session.queue.front());
    session.queue.pop_front();
    session.queued_bytes -= delivery.size;
    queued_bytes_ -= delivery.size;
    --queued_messages_;
    session.queued_qos0 -= delivery.terms.qos() == QoS::at_most_once ? 1 : 0;
    if (delivery.stored != 0) {
        session.taken_through = delivery.stored;
        mark_window(session);
    }
    return delivery;
}

}  // namespace martlet::core
