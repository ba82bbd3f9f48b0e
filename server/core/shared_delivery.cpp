// Messages of shared subscriptions: out to the member whose turn it is, and back when it goes away.
#include <utility>

#include "server/core/shard.hpp"

namespace martlet::core {

// To the chosen member of a group, here or on its own shard.
void Shard::send_shared(const SharedGroups::Choice& choice, Publication& publication,
                        RouteOutcome& outcome, Waiter waiter) {
    SharedDeliverItem item{publication.message(),
                           choice.group,
                           choice.member->address,
                           choice.member->packed,
                           choice.member->online,
                           0,
                           0,
                           part_of_};
    if (item.member.shard != index_) {
        const ShardIndex shard = item.member.shard;
        outcome.sent_to |= Interest::bit(shard);
        if (waiter.is_peer) {
            item.shared_sequence = ++last_shared_sequence_;
            peers_.note_shared_sent(shard, item.shared_sequence);
        } else if (waiter.sequence != 0) {
            item.sequence = waiter.sequence;
            peers_.note_sent(shard, item.sequence);
        }
        send_to(shard, std::move(item));
        return;
    }
    if (deliver_shared(item) == Delivered::refused) {
        ++outcome.refused;
    }
}

Shard::Delivered Shard::deliver_shared(const SharedDeliverItem& item) {
    Session* session = sessions_.get(item.member.slot);
    const bool is_gone = session == nullptr || session->id != item.member.session;
    if (is_gone || (item.online && !is_online(*session))) {
        // Gone or away meanwhile. The group hears of that before it hears of this, so it knows when
        // it chooses again, and what it had counted for this member is forgotten.
        report_shared(item.group, item.member, 0, item.message);
        return Delivered::skipped;
    }
    Subscriber subscriber{};
    subscriber.packed = item.packed;
    DeliveryExtras extras;
    if (subscriber.identifier() != 0) {
        extras.identifiers.push_back(subscriber.identifier());
    }
    extras.group = item.group;
    Publication publication(item.message);
    const DeliveryTerms terms =
        DeliveryTerms::with_extras(protocol::lower_of(publication.qos(), subscriber.qos()),
                                   subscriber.retain_as_published() && publication.retain(),
                                   add_extras(*session, std::move(extras)));
    // A row of its own: it may be handed on to another member.
    MessagePut routed = std::exchange(stored_, {});
    const PublicationKey part_of = std::exchange(part_of_, item.part_of);
    const Delivered delivered = deliver(*session, publication, terms);
    record_targets(publication);
    stored_ = std::move(routed);
    part_of_ = part_of;
    return delivered;
}

// A group here, and with its first and last member what this shard is sent.
void Shard::join_own_group(const SharedJoinItem& item) {
    const std::size_t before = groups_.group_count();
    groups_.join(item);
    if (groups_.group_count() != before) {
        add_interest(item.filter);
    }
}

void Shard::leave_own_group(std::string_view group, std::string_view filter,
                            const SessionAddress& member) {
    const std::size_t before = groups_.group_count();
    groups_.leave(group, filter, member);
    if (groups_.group_count() != before) {
        drop_interest(filter);
    }
}

std::uint32_t Shard::add_extras(Session& session, DeliveryExtras extras) {
    if (session.extras == nullptr) {
        session.extras = std::make_unique<KeyedExtras>();
    }
    KeyedExtras& keyed = *session.extras;
    // 28 bits; a key still in use after that many deliveries is stepped over.
    do {
        keyed.next_key = (keyed.next_key + 1) & 0x0FFFFFFFU;
    } while (keyed.by_key.contains(keyed.next_key));
    keyed.by_key.emplace(keyed.next_key, std::move(extras));
    return keyed.next_key;
}

// The delivery with these terms is over, one way or the other; `returned` is set when its message
// was not delivered and, if it came through a shared subscription, is to go to another member.
void Shard::finish_extras(Session& session, DeliveryTerms terms, MessageRef returned) {
    if (!terms.has_extras() || session.extras == nullptr) {
        return;
    }
    const auto found = session.extras->by_key.find(terms.value());
    if (found == session.extras->by_key.end()) {
        return;
    }
    const GroupAddress group = found->second.group;
    session.extras->by_key.erase(found);
    if (group.key != 0) {
        report_shared(group, {session.id, session.slot, index_}, 1, std::move(returned));
    }
}

// What became of shared deliveries is told to the group in the next pass or batch, never from
// within the routing that caused it: a message that goes round must not do so on the stack.
void Shard::report_shared(const GroupAddress& group, const SessionAddress& member,
                          std::uint32_t completed, MessageRef returned) {
    SharedResultItem item{group, member, completed, std::move(returned)};
    if (group.shard != index_) {
        send_to(group.shard, std::move(item));
    } else if (!item.returned) {
        groups_.complete(group, member, completed);
    } else {
        returned_.push_back(std::move(item));
    }
}

void Shard::on_shared_result(const SharedResultItem& item) {
    groups_.complete(item.group, item.member, item.completed);
    if (!item.returned) {
        return;
    }
    const SharedGroups::Choice choice = groups_.choose_again(item.group, limits_.inflight_max);
    if (choice.member == nullptr) {
        ++counters_.dropped_session_ended;  // the group ended with its last member
        return;
    }
    Publication publication(item.returned);
    RouteOutcome outcome;
    send_shared(choice, publication, outcome, {});
}

// The groups of a session hear when its connection comes and goes. When it goes, what it was given
// and has not begun (QoS 2) or not acknowledged (QoS 1) returns to the group [v5 MQTT-4.8.2-4] [v5
// MQTT-4.8.2-6].
void Shard::set_presence(Session& session, bool online) {
    if (session.shared_subscriptions.empty()) {
        return;
    }
    const SessionAddress self{session.id, session.slot, index_};
    for (const SharedSubscriptionRecord& shared : session.shared_subscriptions) {
        const ShardIndex home = shard_of_group(shared.group, shared.filter);
        if (home == index_) {
            groups_.set_online(shared.group, shared.filter, self, online);
        } else {
            send_to(home, SharedPresenceItem{shared.group, shared.filter, self, online});
        }
    }
    if (!online) {
        return_shared(session);
    }
}

bool Shard::is_shared(const Session& session, DeliveryTerms terms) const {
    if (!terms.has_extras() || session.extras == nullptr) {
        return false;
    }
    const auto extras = session.extras->by_key.find(terms.value());
    return extras != session.extras->by_key.end() && extras->second.group.key != 0;
}

void Shard::return_shared(Session& session) {
    session.inflight.for_each([&](InflightOut& entry) {
        if (entry.state == InflightOut::State::awaiting_puback && is_shared(session, entry.terms)) {
            give_back(session, entry.terms, entry.message, entry.stored);
            session.inflight.finish_later(entry);
            --inflight_messages_;
            --session.inflight_unsent;
        }
    });
    session.inflight.drop_finished();
    RingQueue<Delivery> kept;
    while (!session.queue.empty()) {
        if (!is_shared(session, session.queue.front().terms)) {
            kept.push_back(std::move(session.queue.front()));
            session.queue.pop_front();
            continue;
        }
        const Delivery delivery = dequeue(session);
        give_back(session, delivery.terms, delivery.message, delivery.stored);
    }
    session.queue = std::move(kept);
}

// Messages of shared subscriptions stay in memory while they wait (see keeps_in_memory()), and have
// rows of their own.
void Shard::give_back(Session& session, DeliveryTerms terms, const MessageRef& message,
                      MessageId stored) {
    if (stored != 0) {
        record(MessageDone{stored});
        mark_window(session);
    }
    finish_extras(session, terms, message);
}

}  // namespace martlet::core
