// What the store says: that batches are durable, and the messages that come back from it when a
// session's queue gets to them.
#include <algorithm>
#include <utility>

#include "protocol/topic.hpp"
#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::QoS;
using protocol::ReasonCode;
using State = InflightOut::State;

void Shard::on_store(StoreNews news, Instant now) {
    now_ = now;
    durable_ = std::max(durable_, news.durable);
    set_refusing(news.refuses);
    for (const LoadedMessages& loaded : std::exchange(news.loaded, {})) {
        on_loaded(loaded);
    }
}

// --- sent once durable ---

// While nothing can be stored, QoS 1 goes on: that takes room in no store, but gives some back.
void Shard::release_held() {
    RingQueue<Held> kept;
    while (!held_.empty()) {
        const Held held = held_.front();
        const bool is_stored = held.ticket <= durable_ && is_complete(held.part_of);
        if (!is_stored && !store_refuses_) {
            break;
        }
        held_.pop_front();
        Session* session = sessions_.get(held.slot);
        const bool is_gone = session == nullptr || session->id != held.session;
        InflightOut* entry = is_gone ? nullptr : session->inflight.find(held.packet_id);
        if (entry == nullptr || !entry->is_held) {
            continue;
        }
        if (!is_stored && entry->state != State::awaiting_puback) {
            kept.push_back(held);
        } else {
            release(*session, *entry);
        }
    }
    while (!kept.empty()) {
        held_.push_front(kept.back());
        kept.pop_back();
    }
}

void Shard::release(Session& session, InflightOut& entry) {
    entry.is_held = false;
    --session.inflight_held;
    if (!is_online(session)) {
        ++session.inflight_unsent;
        return;
    }
    Connection& connection = connections_[session.connection.slot];
    // If the client has come back meanwhile, what is sent to it again goes first, and its Receive
    // Maximum may be smaller than it was.
    const std::size_t sent =
        session.inflight.active() - session.inflight_unsent - session.inflight_held - 1;
    if (session.inflight_unsent != 0 || sent >= window(connection)) {
        ++session.inflight_unsent;
        resend_inflight(session, connection);
        return;
    }
    entry.sent = true;
    if (entry.state == State::awaiting_pubcomp) {
        send_pubrel(connection, entry.packet_id);
    } else {
        Publication publication(entry.message);
        send_entry(session, connection, entry, publication);
    }
}

// --- queues that are mostly on disk ---

// Asks for what the queue comes to next, before it comes to it.
void Shard::load_ahead(Session& session) {
    const auto is_away = [](const auto& delivery) {
        return !delivery.message && delivery.stored != 0;
    };
    const auto& queue = session.queue;
    if (!keeps_records_ || session.is_loading) {
        return;
    }
    LoadRequest request;
    if (session.inflight_unsent != 0) {  // after a restart
        session.inflight.for_each([&](const InflightOut& entry) {
            if (is_away(entry) && entry.state != State::awaiting_pubcomp) {
                request.ids.push_back(entry.stored);
            }
        });
    }
    const bool is_low =
        !queue.empty() && (is_away(queue.front()) ||
                           is_away(queue[std::min(queue.size() - 1, load_ahead_low_water)]));
    if (is_low) {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < std::min(queue.size(), load_ahead_messages); ++i) {
            bytes += queue[i].size;
            if (i != 0 && bytes > load_ahead_bytes) {
                break;
            }
            if (is_away(queue[i])) {
                request.ids.push_back(queue[i].stored);
            }
        }
    }
    if (!request.ids.empty()) {
        request.slot = session.slot;
        request.session = session.id;
        session.is_loading = true;
        loads_.push_back(std::move(request));
    }
}

// Its client is gone: stored messages need not stay in memory until it comes back.
void Shard::unload_queue(Session& session) {
    for (std::size_t i = 0; i < std::min(session.queue.size(), load_ahead_messages + 1); ++i) {
        Delivery& delivery = session.queue[i];
        if (delivery.stored != 0 && !is_shared(session, delivery.terms)) {
            delivery.message.reset();
        }
    }
}

// Ids ascend, in the request as in the queue; what has left it meanwhile is passed over.
void Shard::on_loaded(const LoadedMessages& loaded) {
    Session* session = sessions_.get(loaded.slot);
    if (session == nullptr || session->id != loaded.session) {
        return;
    }
    session->is_loading = false;
    if (!session->is_connected()) {
        return;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < loaded.ids.size(); ++i) {
        const MessageId id = loaded.ids[i];
        const MessageRef& message = loaded.messages[i];
        if (id <= session->taken_through) {
            InflightOut* waiting = nullptr;
            session->inflight.for_each([&](InflightOut& entry) {
                waiting = entry.stored == id && !entry.message ? &entry : waiting;
            });
            if (waiting != nullptr && message) {
                waiting->message = message;
            } else if (waiting != nullptr) {
                lose(*session);
                finish_delivery(*session, *waiting);
            }
            continue;
        }
        while (at < session->queue.size() && session->queue[at].stored < id) {
            ++at;
        }
        if (at == session->queue.size() || session->queue[at].stored != id) {
            continue;
        }
        Delivery& delivery = session->queue[at];
        if (message) {
            delivery.message = message;
        } else {
            lose(*session);
            record(MessageDone{id});
            delivery.stored = 0;
        }
    }
    pump(*session);
}

void Shard::lose(Session& session) {
    note_drop(session, {}, counters_.dropped_unreadable, "the store can not read it back");
}

}  // namespace martlet::core
