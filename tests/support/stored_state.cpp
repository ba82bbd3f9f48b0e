#include "tests/support/stored_state.hpp"

#include <algorithm>
#include <utility>

#include "protocol/assert.hpp"
#include "server/core/delivery.hpp"

namespace martlet::tests {

using namespace core;

void StoredState::apply(const StoreRecord& record) {
    std::visit([this](const auto& value) { apply_one(value); }, record);
}

MessageRef StoredState::find(MessageId id) const {
    for (const auto& [key, parts] : incomplete_) {
        for (const StoredMessage& part : parts) {
            if (part.put.id == id) {
                return part.put.message;
            }
        }
    }
    const auto found = messages_.find(id);
    return found == messages_.end() ? nullptr : found->second.put.message;
}

void StoredState::apply_one(const SessionPut& record) {
    session_id_max_ = std::max(session_id_max_, record.session);
    sessions_[record.session].put = record;
}
void StoredState::apply_one(const SessionErased& record) {
    sessions_.erase(record.session);
}
void StoredState::apply_one(const WillPut& record) {
    sessions_.at(record.session).will = record;
}
void StoredState::apply_one(const WillErased& record) {
    sessions_.at(record.session).will.reset();
}
void StoredState::apply_one(const SubscriptionPut& record) {
    sessions_.at(record.session).subscriptions[record.filter] = record;
}
void StoredState::apply_one(const SubscriptionErased& record) {
    sessions_.at(record.session).subscriptions.erase(record.filter);
}
void StoredState::apply_one(const MessagePut& record) {
    MARTLET_ASSERT(!record.targets.empty());
    MARTLET_ASSERT(record.message != nullptr);
    if (record.part_of()) {
        incomplete_[record.part_of()].push_back({record});
    } else {
        add({record});
    }
}
void StoredState::add(const StoredMessage& message) {
    const MessageId id = message.put.id;
    message_id_max_ = std::max(message_id_max_, id);
    if (message.done != message.put.targets.size()) {
        MARTLET_ASSERT(messages_.try_emplace(id, message).second);
    }
}
void StoredState::apply_one(const PublicationComplete& record) {
    const auto found = incomplete_.find(record.publication);
    if (found != incomplete_.end()) {
        std::for_each(found->second.begin(), found->second.end(),
                      [this](const StoredMessage& message) { add(message); });
        incomplete_.erase(found);
    }
}
void StoredState::apply_one(const MessageDone& record) {
    for (auto& [key, parts] : incomplete_) {
        for (StoredMessage& part : parts) {
            if (part.put.id == record.id) {
                ++part.done;
                return;
            }
        }
    }
    StoredMessage& message = messages_.at(record.id);
    if (++message.done == message.put.targets.size()) {
        messages_.erase(record.id);
    }
}
void StoredState::apply_one(const WindowPut& record) {
    WindowPut& window = sessions_.at(record.session).window;
    MARTLET_ASSERT(record.taken_through >= window.taken_through);
    window = record;
    // A part that was never complete may have had this id.
    message_id_max_ = std::max(message_id_max_, record.taken_through);
}
void StoredState::apply_one(const IncomingQos2Put& record) {
    sessions_.at(record.session).incoming.insert(record.packet_id);
}
void StoredState::apply_one(const IncomingQos2Erased& record) {
    sessions_.at(record.session).incoming.erase(record.packet_id);
}
void StoredState::apply_one(const RetainedPut& record) {
    retained_id_max_ = std::max(retained_id_max_, record.id);
    retained_[record.id] = record.message;
}
void StoredState::apply_one(const RetainedErased& record) {
    retained_.erase(record.id);
}

RecoveredSession StoredState::recover_session(const StoredSession& stored) const {
    RecoveredSession session;
    session.id = stored.put.session;
    session.owner = stored.put.owner;
    session.client_id = stored.put.client_id;
    session.expiry_interval_s = stored.put.expiry_interval_s;
    session.disconnected_at = stored.put.disconnected_at;
    for (const auto& [filter, subscription] : stored.subscriptions) {
        session.subscriptions.push_back({filter, subscription.options, subscription.identifier});
    }
    session.will = stored.will;
    session.incoming_qos2.assign(stored.incoming.begin(), stored.incoming.end());
    session.taken_through = stored.window.taken_through;
    // Each message for this session: its terms, and its identifiers among those of all targets.
    struct Pending {
        RecoveredDelivery delivery;
        std::vector<std::uint32_t> identifiers;
    };
    std::map<MessageId, Pending> pending;
    for (const auto& [id, message] : messages_) {
        std::size_t skip = 0;
        for (const MessageTarget& target : message.put.targets.view()) {
            const DeliveryTerms terms = DeliveryTerms::from_bits(target.terms);
            const std::size_t count = terms.has_extras() ? terms.value() : 0;
            if (target.session == session.id) {
                const auto own = message.put.identifiers().subspan(skip, count);
                pending[id] = {{id, target.terms,
                                static_cast<std::uint32_t>(message.put.message->memory_size())},
                               {own.begin(), own.end()}};
            }
            skip += count;
        }
    }
    const auto add_identifiers = [&](const Pending& from) {
        session.identifiers.insert(session.identifiers.end(), from.identifiers.begin(),
                                   from.identifiers.end());
    };
    for (const WindowEntry& entry : stored.window.entries) {
        RecoveredInflight inflight;
        inflight.packet_id = entry.packet_id;
        inflight.is_released = entry.is_released;
        if (!entry.is_released) {
            const auto found = pending.find(entry.message);
            if (found == pending.end()) {
                continue;
            }
            inflight.delivery = found->second.delivery;
            add_identifiers(found->second);
        }
        session.window.push_back(inflight);
    }
    for (const auto& [id, waiting] : pending) {
        if (id > session.taken_through) {
            session.queue.push_back(waiting.delivery);
            add_identifiers(waiting);
        }
    }
    return session;
}

std::vector<RecoveredState> StoredState::recover(ShardIndex shards, const Place& home_of_client,
                                                 const Place& home_of_topic) const {
    std::vector<RecoveredState> states(shards);
    for (RecoveredState& state : states) {
        state.session_id_max = session_id_max_;
        state.message_id_max = message_id_max_;
        state.retained_id_max = retained_id_max_;
    }
    for (const auto& [id, session] : sessions_) {
        states[home_of_client(session.put.client_id)].sessions.push_back(recover_session(session));
    }
    for (const auto& [id, message] : retained_) {
        states[home_of_topic(message->topic())].retained.push_back({id, message});
    }
    return states;
}

}  // namespace martlet::tests
