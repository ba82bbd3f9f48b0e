// What a shard exchanges with its peers, and the answers that wait for them or for the store.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/packet/acks.hpp"
#include "protocol/packet/suback.hpp"
#include "server/core/shard.hpp"
#include "server/core/write_packet.hpp"

namespace martlet::core {

using protocol::PacketType;

namespace {

// FNV-1a with the broker's seed, so that a client can not aim all its topics at one shard.
std::uint64_t mix(std::uint64_t hash, std::string_view text) {
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    }
    return hash ^ hash >> 29U;
}

ShardIndex pick(std::uint64_t hash, ShardIndex shard_count) {
    hash = (hash ^ hash >> 32U) * 0x9E3779B97F4A7C15ULL;
    return static_cast<ShardIndex>((hash >> 33U) % shard_count);
}

constexpr std::uint64_t hash_start = 0xCBF29CE484222325ULL;

// Which its sender waits for; 0: none.
std::uint64_t sequence_of(const ShardItem& item) {
    if (const auto* interest = std::get_if<InterestItem>(&item)) {
        return interest->sequence;
    }
    if (const auto* join = std::get_if<SharedJoinItem>(&item)) {
        return join->sequence;
    }
    if (const auto* deliver = std::get_if<SharedDeliverItem>(&item)) {
        return deliver->sequence;
    }
    const auto* leave = std::get_if<SharedLeaveItem>(&item);
    return leave != nullptr ? leave->sequence : 0;
}

std::uint64_t shared_sequence_of(const ShardItem& item) {
    if (const auto* interest = std::get_if<InterestItem>(&item)) {
        return interest->shared_sequence;
    }
    const auto* deliver = std::get_if<SharedDeliverItem>(&item);
    return deliver != nullptr ? deliver->shared_sequence : 0;
}

// Where those of one type are counted; null: with all others.
std::uint16_t* pending_of(Connection& connection, PacketType type) {
    switch (type) {
        case PacketType::puback:
            return &connection.pubacks_pending;
        case PacketType::pubrec:
            return &connection.pubrecs_pending;
        case PacketType::suback:
            return &connection.subacks_pending;
        default:
            return nullptr;
    }
}

void extend(SequenceRange& range, std::uint64_t sequence) {
    if (sequence != 0) {
        range.first = range.last == 0 ? sequence : range.first;
        range.last = sequence;
    }
}

}  // namespace

ShardIndex home_of_client(std::string_view client_id, std::uint64_t hash_seed,
                          ShardIndex shard_count) {
    return shard_count == 1 ? ShardIndex{0}
                            : pick(mix(hash_start ^ hash_seed, client_id), shard_count);
}

ShardIndex home_of_topic(std::string_view topic, std::uint64_t hash_seed, ShardIndex shard_count) {
    return shard_count == 1 ? ShardIndex{0} : pick(mix(hash_start ^ hash_seed, topic), shard_count);
}

ShardIndex Shard::shard_of_topic(std::string_view topic) const {
    return home_of_topic(topic, hash_seed_, shard_count_);
}

ShardIndex Shard::shard_of_group(std::string_view group, std::string_view filter) const {
    return shard_count_ == 1
               ? index_
               : pick(mix(mix(hash_start ^ hash_seed_, group) ^ '/', filter), shard_count_);
}

// --- answers ---

// Goes out at once when it waits for nothing and nothing of its connection waits before it.
void Shard::answer(Connection& connection, Answer answer) {
    if (connection.answers_pending == 0 &&
        (is_due(answer, peers_.confirmed()) || (store_refuses_ && is_due_ahead(answer)))) {
        send_answer(connection, answer);
        return;
    }
    if (answer.ticket != Answer::not_known) {
        want(answer.ticket);
    }
    ++connection.answers_pending;
    if (std::uint16_t* const of_type = pending_of(connection, answer.type)) {
        ++*of_type;
    }
    update_reading(connection);
    answers_.push_back(std::move(answer));
}

bool Shard::is_due(const Answer& answer, std::uint64_t confirmed) const {
    return answer.ticket <= durable_ && answer.sequence <= confirmed;
}

void Shard::release_answers() {
    if (answers_.empty()) {
        return;
    }
    const std::uint64_t confirmed = peers_.confirmed();
    while (!answers_.empty() && is_due(answers_.front(), confirmed)) {
        const Answer due = std::move(answers_.front());
        answers_.pop_front();
        ++answers_gone_;
        release_answer(due);
    }
}

void Shard::release_answer(const Answer& due) {
    Connection* connection = find(due.connection);
    if (connection == nullptr || !connection->is_connected()) {
        return;
    }
    --connection->answers_pending;
    if (std::uint16_t* const of_type = pending_of(*connection, due.type)) {
        --*of_type;
    }
    connection->publish_waits = connection->publish_waits && connection->subacks_pending != 0;
    send_answer(*connection, due);
    update_reading(*connection);
}

void Shard::send_answer(Connection& connection, const Answer& answer) {
    switch (answer.type) {
        case PacketType::connack:
            send_connack(connection, answer.session_present);
            return;
        case PacketType::suback:
        case PacketType::unsuback:
            write_packet(connection,
                         protocol::SubackView{answer.type, answer.packet_id, answer.codes});
            return;
        default: {
            protocol::AckView ack;
            ack.type = answer.type;
            ack.packet_id = answer.packet_id;
            ack.reason = answer.reason;
            write_packet(connection, ack);
            return;
        }
    }
}

void Shard::send_pubrel(Connection& connection, protocol::PacketId packet_id) {
    protocol::AckView release;
    release.type = PacketType::pubrel;
    release.packet_id = packet_id;
    write_packet(connection, release);
}

// --- peers ---

void Shard::send_to(ShardIndex shard, ShardItem item) {
    MARTLET_ASSERT(shard != index_);
    peers_.send(shard, std::move(item));
}

void Shard::send_to_all(const ShardItem& item) {
    for (ShardIndex shard = 0; shard < shard_count_; ++shard) {
        if (shard != index_) {
            send_to(shard, item);
        }
    }
}

void Shard::send_publication(ShardIndex shard, Publication& publication, std::uint64_t sequence) {
    const bool is_part = static_cast<bool>(part_of_);
    if (!PackedPublications::is_small(publication.parts())) {
        send_to(shard, PublishItem{publication.message(), sequence, is_part});
        return;
    }
    peers_.send_small(shard, publication, sequence, is_part);
}

void Shard::push_batches() {
    if (!has_told_interest_) {
        tell_interest();
    }
    for (SharedResultItem& item : std::exchange(returned_, {})) {
        on_shared_result(item);
    }
    submit_batch();
    // Who is told that this shard knows of its filters may ask another at once for what is retained
    // there: that must have come there before (see start_retained()).
    if (std::exchange(has_heard_news_, false)) {
        send_batches();
    }
    peers_.confirm(durable_);
    send_batches();
}

void Shard::send_batches() {
    peers_.take_batches(
        [this](ShardIndex to, ShardBatch batch) { link_->send(index_, to, std::move(batch)); });
}

void Shard::on_batch(ShardIndex from, ShardBatch batch, Instant now) {
    now_ = now;
    const std::size_t mark = store_mark();
    const std::uint64_t shared_mark = last_shared_sequence_;
    Confirmation confirmation;
    Confirmation shared;
    std::size_t offset = 0;
    const auto take = [&]<class Item>(Item& item) {
        if constexpr (std::is_same_v<Item, SmallPublishesItem>) {
            for (std::uint32_t i = 0; i < item.count; ++i) {
                const PackedPublication& packed = batch.small.read(offset);
                Publication publication = packed.publication();
                take_publication(from, publication, packed.sequence(), packed.is_part(),
                                 confirmation);
            }
        } else if constexpr (std::is_same_v<Item, PublishItem>) {
            Publication publication(std::move(item.message));
            take_publication(from, publication, item.sequence, item.is_part, confirmation);
        } else {
            on_item(from, item);
        }
    };
    for (ShardItem& item : batch.items) {
        std::visit(take, item);
        extend(confirmation.sequences, sequence_of(item));
        extend(shared.sequences, shared_sequence_of(item));
    }
    // Safe once what the batch made this shard record is durable, and what it made this shard send
    // to members of groups elsewhere is safe there. A group is there once all shards know of it.
    confirmation.ticket = shared.ticket = ticket_since(mark);
    if (confirmation.sequences.last != 0 || shared.sequences.last != 0) {
        want(confirmation.ticket);
    }
    confirmation.shared_sequence = last_shared_sequence_ != shared_mark ? last_shared_sequence_ : 0;
    if (std::exchange(has_joined_, false)) {
        confirmation.shared_sequence =
            std::max(confirmation.shared_sequence, interest_shared_sequence_);
    }
    if (confirmation.sequences.last != 0) {
        peers_.await(from, confirmation);
    }
    if (shared.sequences.last != 0) {
        peers_.await_shared(from, shared);
    }
}

void Shard::take_publication(ShardIndex from, Publication& publication, std::uint64_t sequence,
                             bool is_part, Confirmation& confirmation) {
    if (sequence == 0) {
        route_here(publication, {});
        return;
    }
    // What of it went to members of groups here came first.
    const bool is_all = confirmation.sequences.last != sequence;
    const std::size_t mark = store_mark();
    const std::uint64_t shared_mark = last_shared_sequence_;
    part_of_ = {from, is_part ? sequence : 0};
    route_here(publication, {0, true});
    part_of_ = {};
    extend(confirmation.sequences, sequence);
    const bool needs_store = ticket_since(mark) != 0 || last_shared_sequence_ != shared_mark;
    if (store_refuses_ && is_all && !needs_store) [[unlikely]] {
        send_to(from, ConfirmAheadItem{{sequence, sequence}});
    }
}

void Shard::on_item(ShardIndex from, const CompleteItem& item) {
    peers_.set_completed(from, item.sequence);
}

void Shard::on_item(ShardIndex from, const ConfirmItem& item) {
    peers_.on_confirmed(from, item);
    may_release_ahead_ = may_release_ahead_ || store_refuses_;
}

void Shard::on_item(ShardIndex, const PauseItem& item) {
    if (item.paused) {
        pause_publisher(item.publisher);
    } else {
        resume_publisher(item.publisher);
    }
}

void Shard::on_item(ShardIndex from, const RetainedQueryItem& item) {
    on_retained_query(from, item);
}

void Shard::on_item(ShardIndex from, const RetainedMoreItem& item) {
    on_retained_more(from, item);
}

void Shard::on_item(ShardIndex from, RetainedSliceItem& item) {
    on_retained_slice(from, item);
}

void Shard::on_item(ShardIndex, const SharedJoinItem& item) {
    join_own_group(item);
    has_joined_ = true;
}

void Shard::on_item(ShardIndex, const SharedLeaveItem& item) {
    leave_own_group(item.group, item.filter, item.member);
}

void Shard::on_item(ShardIndex, const SharedPresenceItem& item) {
    groups_.set_online(item.group, item.filter, item.member, item.online);
}

void Shard::on_item(ShardIndex, const SharedDeliverItem& item) {
    deliver_shared(item);
}

void Shard::on_item(ShardIndex, const SharedResultItem& item) {
    on_shared_result(item);
}

}  // namespace martlet::core
