// A shard begins with what the last run left in the store.
#include <algorithm>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/topic.hpp"
#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"

namespace martlet::core {

using State = InflightOut::State;

void Shard::restore(RecoveredState state, Instant now) {
    now_ = now;
    session_ids_.start_after(state.session_id_max);
    message_ids_.start_after(state.message_id_max);
    retained_ids_.start_after(state.retained_id_max);
    for (RecoveredSession& recovered : state.sessions) {
        restore_session(recovered, std::min(state.ended_at, now));
    }
    next_reviewed_ = 0;  // who may do what may have changed meanwhile
    for (RecoveredRetained& retained : state.retained) {
        const std::string_view topic = retained.message->topic();
        retained_.set(topic, {std::move(retained.message), retained.id});
    }
}

void Shard::restore_session(RecoveredSession& recovered, Instant ended_at) {
    const SessionSlot slot = sessions_.emplace();
    Session& session = sessions_[slot];
    session.slot = slot;
    session.id = recovered.id;
    session.client_id = std::move(recovered.client_id);
    session.owner = std::move(recovered.owner);
    session.expiry_interval_s = recovered.expiry_interval_s;
    session.in_store = true;
    session.taken_through = recovered.taken_through;
    sessions_by_client_id_.emplace(session.client_id, slot);
    restore_subscriptions(session, recovered);
    for (const protocol::PacketId packet_id : recovered.incoming_qos2) {
        session.incoming_qos2.insert(packet_id);
    }
    std::span<const std::uint32_t> identifiers = recovered.identifiers;
    restore_window(session, recovered, identifiers);
    restore_queue(session, recovered, identifiers);
    // Who was connected to the last lost its connection with the broker's end.
    if (recovered.disconnected_at == never) {
        recovered.disconnected_at = ended_at;
        record_session(session, ended_at);
    }
    restore_will(session, recovered);
    // It was to end with its connection, or while the broker was down.
    if (expiry_of(session, recovered.disconnected_at) <= now_) {
        ++counters_.sessions_expired;
        destroy_session(session);
    } else {
        schedule_expiry(session, recovered.disconnected_at);
    }
}

void Shard::restore_subscriptions(Session& session, const RecoveredSession& recovered) {
    for (const RecoveredSubscription& subscription : recovered.subscriptions) {
        Subscriber subscriber =
            Subscriber::make(session.slot, 0, subscription.options, subscription.identifier);
        const bool is_shared = protocol::is_shared_filter(subscription.filter);
        if (const auto shared =
                is_shared ? protocol::parse_shared_filter(subscription.filter) : std::nullopt) {
            session.shared_subscriptions.push_back(
                {std::string(shared->group), std::string(shared->filter), subscriber.packed});
            join_group(session, session.shared_subscriptions.back());
            continue;
        }
        subscriber.index = static_cast<std::uint32_t>(session.subscriptions.size());
        const SubscriptionTree::Place place = add_to_tree(subscription.filter, subscriber);
        session.subscriptions.push_back({place.key, place.position});
    }
}

DeliveryTerms Shard::restore_terms(Session& session, std::uint32_t bits,
                                   std::span<const std::uint32_t>& identifiers) {
    const DeliveryTerms terms = DeliveryTerms::from_bits(bits);
    if (!terms.has_extras()) {
        return terms;
    }
    const std::size_t count = std::min<std::size_t>(terms.value(), identifiers.size());
    DeliveryExtras extras;
    extras.identifiers.assign(identifiers.begin(),
                              identifiers.begin() + static_cast<std::ptrdiff_t>(count));
    identifiers = identifiers.subspan(count);
    return DeliveryTerms::with_extras(terms.qos(), terms.retain(),
                                      add_extras(session, std::move(extras)));
}

// They may have been sent, so that they are duplicates when they are sent again.
void Shard::restore_window(Session& session, const RecoveredSession& recovered,
                           std::span<const std::uint32_t>& identifiers) {
    for (const RecoveredInflight& inflight : recovered.window) {
        InflightOut entry;
        entry.stored = inflight.delivery.message;
        entry.terms = restore_terms(session, inflight.delivery.terms, identifiers);
        entry.packet_id = inflight.packet_id;
        entry.state = inflight.is_released                                ? State::awaiting_pubcomp
                      : entry.terms.qos() == protocol::QoS::at_least_once ? State::awaiting_puback
                                                                          : State::awaiting_pubrec;
        entry.sent_once = true;
        if (session.inflight.restore(std::move(entry))) {
            ++session.inflight_unsent;
            ++inflight_messages_;
        } else {
            lose(session);
        }
    }
}

void Shard::restore_queue(Session& session, const RecoveredSession& recovered,
                          std::span<const std::uint32_t>& identifiers) {
    for (const RecoveredDelivery& recovered_delivery : recovered.queue) {
        Delivery& delivery = session.queue.emplace_back();
        delivery.stored = recovered_delivery.message;
        delivery.terms = restore_terms(session, recovered_delivery.terms, identifiers);
        delivery.size = recovered_delivery.size;
        session.queued_bytes += delivery.size;
        queued_bytes_ += delivery.size;
        ++queued_messages_;
    }
}

void Shard::restore_will(Session& session, RecoveredSession& recovered) {
    if (!recovered.will) {
        return;
    }
    session.will = std::make_unique<Will>();
    session.will->message = std::move(recovered.will->message);
    session.will->delay_interval_s = recovered.will->delay_interval_s;
    session.will->has_message_expiry = recovered.will->has_message_expiry;
    session.will->message_expiry_interval_s = recovered.will->message_expiry_interval_s;
    timers_.schedule(
        session.will_timer, {static_cast<std::uint8_t>(TimerKind::will_delay), session.slot},
        recovered.disconnected_at + std::chrono::seconds(session.will->delay_interval_s));
}

}  // namespace martlet::core
