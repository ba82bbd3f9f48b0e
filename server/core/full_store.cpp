// While the store takes nothing more: what would have to be stored is refused, what had been taken
// before waits for a while, and what needs no store goes on.
#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <utility>

#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"

namespace martlet::core {

using protocol::QoS;
using protocol::ReasonCode;

void Shard::set_refusing(bool refuses) {
    if (refuses == store_refuses_) {
        return;
    }
    store_refuses_ = refuses;
    if (refuses) {
        await_patience();
        peers_.confirm_ahead(durable_);
        may_release_ahead_ = true;
    } else {
        timers_.cancel(patience_timer_);
    }
}

void Shard::await_patience() {
    patience_through_ = answers_gone_ + answers_.size();
    timers_.schedule(patience_timer_, {static_cast<std::uint8_t>(TimerKind::refusal), 0},
                     now_ + store_patience);
}

// Whoever has waited for storage so long, here or on another shard, is disconnected unanswered, and
// will try again.
void Shard::lose_patience() {
    const std::uint64_t confirmed = peers_.confirmed();
    for (std::size_t i = 0; i < answers_.size() && answers_gone_ + i < patience_through_; ++i) {
        Connection* connection = find(answers_[i].connection);
        if (!is_due(answers_[i], confirmed) && connection != nullptr &&
            connection->is_connected()) {
            close(*connection, CloseReason::quota, ReasonCode::quota_exceeded, "storage is full");
        }
    }
    if (store_refuses_) {
        await_patience();
    }
}

// Would it have to be stored here? What other shards would have to store they do once there is
// room again; it is not acknowledged before.
bool Shard::is_refused_by_store(const protocol::PublishView& publish) {
    if (publish.qos == QoS::at_most_once) {
        return false;
    }
    if (publish.retain && shard_of_topic(publish.topic) == index_) {
        return true;
    }
    bool wanted = false;
    subscriptions_.match(publish.topic, [&](FilterKey, std::span<const Subscriber> list) {
        wanted = wanted || std::any_of(list.begin(), list.end(), [&](const Subscriber& subscriber) {
                     return subscriber.qos() != QoS::at_most_once &&
                            is_kept(sessions_[subscriber.session]);
                 });
    });
    return wanted;
}

// v5 has a reason code; a 3.1.1 publisher is not acknowledged, and its connection is closed so that
// it sends the message again later.
void Shard::refuse_for_store(Connection& connection, const protocol::PublishView& publish) {
    ++counters_.dropped_store_full;
    if (!protocol::is_v5(connection.version)) {
        close(connection, CloseReason::quota, ReasonCode::quota_exceeded, "storage is full");
        return;
    }
    answer(connection, answer_to(connection, publish, ReasonCode::quota_exceeded));
}

// --- what needs no store does not wait for it ---

void Shard::on_item(ShardIndex from, const ConfirmAheadItem& item) {
    peers_.on_confirmed_ahead(from, item.sequences);
    may_release_ahead_ = true;
}

bool Shard::is_due_ahead(const Answer& answer) const {
    return answer.may_overtake && answer.ticket <= durable_ &&
           peers_.have_confirmed(answer.sequence, answer.sent_to);
}

// The others of their connection still go first.
void Shard::release_answers_ahead() {
    if (!std::exchange(may_release_ahead_, false)) {
        return;
    }
    boost::unordered_flat_set<std::uint32_t> waiting;  // connections
    for (std::size_t i = 0; i < answers_.size(); ++i) {
        const Answer& answer = answers_[i];
        if (find(answer.connection) == nullptr || waiting.contains(answer.connection.slot)) {
            continue;
        }
        if (!is_due_ahead(answer)) {
            waiting.insert(answer.connection.slot);
            continue;
        }
        const Answer due = std::exchange(answers_[i], Answer{});
        release_answer(due);
    }
}

}  // namespace martlet::core
