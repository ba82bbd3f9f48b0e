// ShardRunner: what comes from other threads, and what goes to other shards.
#include <algorithm>
#include <utility>

#include "server/transport/shard_runner.hpp"

namespace martlet::transport {

namespace {

// Mail handled in one pass: what it makes the shard write should be flushed before more is made.
constexpr std::size_t mail_weight_per_pass = 1024 * 1024;
constexpr std::size_t mail_items_per_pass = 1024;

// The message that an item brings for the receiver's subscribers; null: none, or small ones.
const core::Message* message_of(const core::ShardItem& item) {
    if (const auto* publish = std::get_if<core::PublishItem>(&item)) {
        return publish->message.get();
    }
    if (const auto* shared = std::get_if<core::SharedDeliverItem>(&item)) {
        return shared->message.get();
    }
    return nullptr;
}

std::size_t weight_of(const core::ShardBatch& batch) {
    std::size_t weight = batch.small.size_bytes();
    for (const core::ShardItem& item : batch.items) {
        if (const core::Message* message = message_of(item)) {
            weight += message->memory_size();
        }
    }
    return weight;
}

}  // namespace

void ShardRunner::take_mail() {
    std::size_t weight = 0;
    const auto may_take = [&](std::size_t count) {
        return count == 0 || (count < mail_items_per_pass && weight < mail_weight_per_pass &&
                              !shard_->is_pass_full());
    };
    for (std::size_t count = 0; may_take(count); ++count) {
        if (!mail_) {
            if (mailbox_.is_empty()) {
                break;
            }
            mail_ = mailbox_.take_all();
        }
        const std::unique_ptr<Mail> mail = std::exchange(mail_, nullptr);
        mail_ = std::move(mail->next);
        if (const auto* batch = std::get_if<BatchMail>(&mail->content)) {
            weight += batch->weight;
        }
        std::visit([this](auto& content) { handle(content); }, mail->content);
    }
    mail_input_ += weight;
}

void ShardRunner::handle(BatchMail& mail) {
    shard_->on_batch(mail.from, std::move(mail.batch), now());
    if (mail.weight != 0 && inbound_flow_[mail.from]->take(mail.weight)) {
        peers_[mail.from]->mailbox().push(RelievedMail{index_});
    }
}

void ShardRunner::handle(ConnectionMail& mail) {
    adopt(std::move(mail.connection));
}

void ShardRunner::handle(Task& task) {
    task(*this);
}

void ShardRunner::handle(RelievedMail& mail) {
    if (peers_[mail.receiver]->inbound_flow_[index_]->relieved() && --peers_behind_ == 0) {
        release_publishers();
    }
}

void ShardRunner::send(core::ShardIndex /*from*/, core::ShardIndex to, core::ShardBatch batch) {
    const std::size_t weight = weight_of(batch);
    if (weight != 0) {
        PairFlow& flow = *peers_[to]->inbound_flow_[index_];
        const bool was_behind = flow.is_behind();
        if (flow.send(weight)) {
            peers_behind_ += was_behind ? 0 : 1;
            hold_publishers(batch);
        }
    }
    peers_[to]->mailbox().push(BatchMail{index_, weight, std::move(batch)});
}

// See PairFlow. The core does not know of it: these connections are just slow to be read.
void ShardRunner::hold_publishers(const core::ShardBatch& batch) {
    for (const core::ShardItem& item : batch.items) {
        if (const core::Message* message = message_of(item)) {
            hold_publisher(message->origin());
        }
    }
    for (std::size_t offset = 0; offset < batch.small.size_bytes();) {
        hold_publisher(batch.small.read(offset).origin());
    }
}

void ShardRunner::hold_publisher(const core::MessageOrigin& origin) {
    Connection* connection = origin.shard == index_ ? find(origin.connection) : nullptr;
    if (connection != nullptr && !connection->is_held()) {
        connection->set_held(true);
        held_.push_back(origin.connection);
        ++counters_.publishers_held;
    }
}

void ShardRunner::release_publishers() {
    for (const core::ConnectionId id : held_) {
        if (Connection* connection = find(id)) {
            connection->set_held(false);
            resumed_.push_back(id);
        }
    }
    held_.clear();
}

}  // namespace martlet::transport
