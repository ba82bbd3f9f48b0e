// What must hold between any two events. Walks everything: for tests, the simulation and fuzzers.
#include <set>

#include "protocol/assert.hpp"
#include "server/core/shard.hpp"

namespace martlet::core {

void Shard::check_invariants() const {
    std::size_t subscriptions = 0;
    std::uint64_t queued = 0;
    std::uint64_t queued_bytes = 0;
    std::uint64_t inflight = 0;
    for (SessionSlot slot = 0; slot < sessions_.end(); ++slot) {
        const Session* session = sessions_.get(slot);
        if (session == nullptr) {
            continue;
        }
        MARTLET_ASSERT(session->slot == slot);
        MARTLET_ASSERT(sessions_by_client_id_.at(session->client_id) == slot);
        if (session->is_connected()) {
            const Connection* connection = connections_.get(session->connection.slot);
            MARTLET_ASSERT(connection != nullptr);
            MARTLET_ASSERT(connection->id == session->connection);
            MARTLET_ASSERT(connection->session == slot);
            MARTLET_ASSERT(connection->is_connected());
        } else {
            MARTLET_ASSERT(session->is_persistent());
            MARTLET_ASSERT(session->inflight_unsent + session->inflight_held ==
                           session->inflight.active());
        }
        for (std::uint32_t i = 0; i < session->subscriptions.size(); ++i) {
            const SubscriptionRecord& record = session->subscriptions[i];
            const Subscriber& back = subscriptions_.subscribers(record.key)[record.position];
            MARTLET_ASSERT(back.session == slot);
            MARTLET_ASSERT(back.index == i);
        }
        subscriptions += session->subscriptions.size();
        std::uint64_t bytes = 0;
        std::uint32_t qos0 = 0;
        for (std::size_t i = 0; i < session->queue.size(); ++i) {
            const Delivery& delivery = session->queue[i];
            bytes += delivery.size;
            qos0 += delivery.terms.qos() == protocol::QoS::at_most_once ? 1 : 0;
            MARTLET_ASSERT(!delivery.message || delivery.size == delivery.message->memory_size());
        }
        MARTLET_ASSERT(bytes == session->queued_bytes);
        MARTLET_ASSERT(qos0 == session->queued_qos0);
        MARTLET_ASSERT(session->queue.size() <= limits_.queued_messages_max);
        queued += session->queue.size();
        queued_bytes += bytes;
        inflight += session->inflight.active();
        std::set<protocol::PacketId> ids;
        session->inflight.for_each(
            [&](const InflightOut& entry) { MARTLET_ASSERT(ids.insert(entry.packet_id).second); });
        MARTLET_ASSERT(ids.size() == session->inflight.active());
    }
    MARTLET_ASSERT(sessions_by_client_id_.size() == sessions_.size());
    MARTLET_ASSERT(subscriptions == subscriptions_.subscription_count());
    MARTLET_ASSERT(queued == queued_messages_);
    MARTLET_ASSERT(queued_bytes == queued_bytes_);
    MARTLET_ASSERT(inflight == inflight_messages_);
    for (std::uint32_t slot = 0; slot < connections_.end(); ++slot) {
        const Connection* connection = connections_.get(slot);
        if (connection == nullptr) {
            continue;
        }
        MARTLET_ASSERT(connection->is_connected() == (connection->session != no_session));
        MARTLET_ASSERT(connection->congested || connection->paused_publishers.empty());
    }
}

}  // namespace martlet::core
