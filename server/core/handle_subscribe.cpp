// SUBSCRIBE and UNSUBSCRIBE.
#include <algorithm>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/topic.hpp"
#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::ReasonCode;
using protocol::RetainHandling;

void Shard::handle_subscribe(Connection& connection,
                             const protocol::SubscribeView& subscribe_view) {
    Session& session = sessions_[connection.session];
    const std::size_t mark = store_mark();
    Answer suback;
    suback.connection = connection.id;
    suback.type = protocol::PacketType::suback;
    suback.packet_id = subscribe_view.packet_id;
    suback.codes.reserve(subscribe_view.count);
    protocol::SubscriptionRequests requests = subscribe_view.requests;
    const protocol::QoS qos_max = limits_.of(connection.info.listener).qos_max;
    while (auto request = requests.next()) {
        request->options.qos = protocol::lower_of(request->options.qos, qos_max);
        const ReasonCode code =
            subscribe(session, *request, subscribe_view.subscription_identifier);
        suback.codes.push_back(code);
        log_subscription(session, request->filter, request->options.qos, code, true);
    }
    suback.ticket = ticket_since(mark);
    // From then on no shard leaves this one out.
    const std::uint64_t joined = std::exchange(group_sequence_, 0);
    suback.sequence = std::max(joined, interest_sequence_);
    suback.sent_to = Interest::all;
    suback.may_overtake = joined == 0;
    answer(connection, std::move(suback));
}

void Shard::log_subscription(const Session& session, std::string_view filter, protocol::QoS qos,
                             ReasonCode result, bool added) {
    log_.on_subscription({describe(session), filter, qos, result, added});
}

// One filter of a SUBSCRIBE: its code for the SUBACK [v3.1.1 MQTT-3.8.4-5] [v5 MQTT-3.8.4-6].
ReasonCode Shard::subscribe(Session& session, const protocol::SubscriptionRequestView& request,
                            std::uint32_t identifier) {
    if (protocol::is_shared_filter(request.filter)) {
        return subscribe_shared(session, request, identifier);
    }
    if (!protocol::is_valid_topic_filter(request.filter) ||
        protocol::level_count(request.filter) > limits_.topic_levels_max) {
        return ReasonCode::topic_filter_invalid;
    }
    if (!access_.permits_everything() &&
        !access_.may_subscribe(session.owner, session.client_id, request.filter)) {
        return ReasonCode::not_authorized;
    }
    Subscriber subscriber = Subscriber::make(session.slot, 0, request.options, identifier);
    const auto key = subscriptions_.find(request.filter);
    const std::uint32_t known = key ? find_subscription(session, *key) : no_session;
    const bool is_new = known == no_session;
    if (!is_new) {
        // Replaced in place: no message is missed or doubled [v3.1.1 MQTT-3.8.4-3] [v5
        // MQTT-3.8.4-3].
        const SubscriptionRecord& at = session.subscriptions[known];
        subscriptions_.subscribers(at.key)[at.position].packed = subscriber.packed;
    } else {
        if (!may_add_subscription(session)) {
            return ReasonCode::quota_exceeded;
        }
        subscriber.index = static_cast<std::uint32_t>(session.subscriptions.size());
        const SubscriptionTree::Place place = add_to_tree(request.filter, subscriber);
        session.subscriptions.push_back({place.key, place.position});
        note_filter(session, request.filter);
    }
    if (is_kept(session)) {
        record(
            SubscriptionPut{session.id, std::string(request.filter), request.options, identifier});
    }
    // [v3.1.1 MQTT-3.8.4-3]: 3.1.1 repeats retained messages on every SUBSCRIBE.
    const RetainHandling handling = request.options.retain_handling;
    if (handling == RetainHandling::send || (handling == RetainHandling::send_if_new && is_new)) {
        cancel_retained(session, request.filter);
        start_retained(session, request.filter, subscriber.packed);
    } else if (session.retained_streams != 0) {
        update_retained(session, request.filter, subscriber.packed);
    }
    return static_cast<ReasonCode>(protocol::to_wire(request.options.qos));
}

SubscriptionTree::Place Shard::add_to_tree(std::string_view filter, const Subscriber& subscriber) {
    const SubscriptionTree::Place place = subscriptions_.add(filter, subscriber);
    if (place.position == 0) {
        add_interest(filter);
    }
    return place;
}

bool Shard::may_add_subscription(const Session& session) const {
    return !is_memory_tight_ && session.subscriptions.size() + session.shared_subscriptions.size() <
                                    limits_.subscriptions_per_client_max;
}

// The session's record of a filter. Looks through whichever side is shorter: the filter's
// subscribers or the session's subscriptions.
std::uint32_t Shard::find_subscription(const Session& session, FilterKey key) {
    const std::span<const Subscriber> subscribers = subscriptions_.subscribers(key);
    if (subscribers.size() < session.subscriptions.size()) {
        for (const Subscriber& subscriber : subscribers) {
            if (subscriber.session == session.slot) {
                return subscriber.index;
            }
        }
        return no_session;
    }
    for (std::uint32_t i = 0; i < session.subscriptions.size(); ++i) {
        if (session.subscriptions[i].key == key) {
            return i;
        }
    }
    return no_session;
}

ReasonCode Shard::subscribe_shared(Session& session,
                                   const protocol::SubscriptionRequestView& request,
                                   std::uint32_t identifier) {
    const auto shared = protocol::parse_shared_filter(request.filter);
    if (!shared || protocol::level_count(shared->filter) > limits_.topic_levels_max) {
        return ReasonCode::topic_filter_invalid;
    }
    if (!access_.permits_everything() &&
        !access_.may_subscribe(session.owner, session.client_id, shared->filter)) {
        return ReasonCode::not_authorized;
    }
    SharedSubscriptionRecord* known = nullptr;
    for (SharedSubscriptionRecord& existing : session.shared_subscriptions) {
        if (existing.group == shared->group && existing.filter == shared->filter) {
            known = &existing;
        }
    }
    if (known == nullptr) {
        if (!may_add_subscription(session)) {
            return ReasonCode::quota_exceeded;
        }
        session.shared_subscriptions.push_back(
            {std::string(shared->group), std::string(shared->filter), 0});
        known = &session.shared_subscriptions.back();
        note_filter(session, shared->filter);
    }
    known->packed = Subscriber::make(session.slot, 0, request.options, identifier).packed;
    if (is_kept(session)) {
        record(
            SubscriptionPut{session.id, std::string(request.filter), request.options, identifier});
    }
    join_group(session, *known);
    return static_cast<ReasonCode>(protocol::to_wire(request.options.qos));
}

void Shard::join_group(const Session& session, const SharedSubscriptionRecord& shared) {
    SharedJoinItem join{shared.group,
                        shared.filter,
                        {session.id, session.slot, index_},
                        shared.packed,
                        session.is_connected(),
                        session.is_persistent(),
                        0};
    const ShardIndex home = shard_of_group(shared.group, shared.filter);
    if (home == index_) {
        join_own_group(join);
    } else {
        join.sequence = group_sequence_ = ++last_sequence_;
        peers_.note_sent(home, join.sequence);
        send_to(home, std::move(join));
    }
}

// [v3.1.1 MQTT-3.10.4-1] [v3.1.1 MQTT-3.10.4-5]
void Shard::handle_unsubscribe(Connection& connection,
                               const protocol::UnsubscribeView& unsubscribe_view) {
    Session& session = sessions_[connection.session];
    const std::size_t mark = store_mark();
    Answer unsuback;
    unsuback.connection = connection.id;
    unsuback.type = protocol::PacketType::unsuback;
    unsuback.packet_id = unsubscribe_view.packet_id;
    unsuback.codes.reserve(unsubscribe_view.count);
    protocol::FilterList filters = unsubscribe_view.filters;
    while (const auto filter = filters.next()) {
        const ReasonCode code = unsubscribe(session, *filter);
        unsuback.codes.push_back(code);
        log_subscription(session, *filter, protocol::QoS::at_most_once, code, false);
    }
    // That there was none may not be durable yet.
    unsuback.ticket = is_kept(session) ? latest_ticket() : ticket_since(mark);
    unsuback.sequence = std::exchange(group_sequence_, 0);
    answer(connection, std::move(unsuback));
}

ReasonCode Shard::unsubscribe(Session& session, std::string_view filter) {
    bool existed = false;
    if (protocol::is_shared_filter(filter)) {
        const auto shared = protocol::parse_shared_filter(filter);
        if (!shared) {
            return ReasonCode::topic_filter_invalid;
        }
        existed = unsubscribe_shared(session, shared->group, shared->filter);
    } else {
        if (!protocol::is_valid_topic_filter(filter)) {
            return ReasonCode::topic_filter_invalid;
        }
        const auto key = subscriptions_.find(filter);
        const std::uint32_t index = key ? find_subscription(session, *key) : no_session;
        existed = index != no_session;
        if (existed) {
            remove_subscription(session, index);
            cancel_retained(session, filter);  // [v3.1.1 MQTT-3.10.4-2] [v5 MQTT-3.10.4-2]
        }
    }
    if (!existed) {
        return ReasonCode::no_subscription_existed;
    }
    if (is_kept(session)) {
        record(SubscriptionErased{session.id, std::string(filter)});
    }
    return ReasonCode::success;
}

bool Shard::unsubscribe_shared(Session& session, std::string_view group, std::string_view filter) {
    auto& all = session.shared_subscriptions;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].group == group && all[i].filter == filter) {
            leave_group(session, all[i]);
            all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
            return true;
        }
    }
    return false;
}

void Shard::leave_group(const Session& session, const SharedSubscriptionRecord& shared) {
    const SessionAddress self{session.id, session.slot, index_};
    const ShardIndex home = shard_of_group(shared.group, shared.filter);
    if (home == index_) {
        leave_own_group(shared.group, shared.filter, self);
    } else {
        group_sequence_ = ++last_sequence_;
        peers_.note_sent(home, group_sequence_);
        send_to(home, SharedLeaveItem{shared.group, shared.filter, self, group_sequence_});
    }
}

// Both sides are swap-removed, so one entry may move on each; whoever points at it is told.
void Shard::remove_subscription(Session& session, std::uint32_t index) {
    const SubscriptionRecord gone = session.subscriptions[index];
    if (shard_count_ > 1 && subscriptions_.subscribers(gone.key).size() == 1) {
        drop_interest(subscriptions_.filter_text(gone.key));
    }
    if (const auto moved = subscriptions_.remove(gone.key, gone.position)) {
        sessions_[moved->session].subscriptions[moved->index].position = gone.position;
    }
    const std::uint32_t last = static_cast<std::uint32_t>(session.subscriptions.size() - 1);
    if (index != last) {
        const SubscriptionRecord relocated = session.subscriptions[last];
        session.subscriptions[index] = relocated;
        subscriptions_.subscribers(relocated.key)[relocated.position].index = index;
    }
    session.subscriptions.pop_back();
}

}  // namespace martlet::core
