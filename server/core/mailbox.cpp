// What a shard exchanges with its peers and the store, and the answers that wait for either.
#include <algorithm>
#include <limits>
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

}  // namespace

ShardIndex home_of_client(std::string_view client_id, std::uint64_t hash_seed,
                          ShardIndex shard_count) {
    return shard_count == 1 ? ShardIndex{0}
                            : pick(mix(hash_start ^ hash_seed, client_id), shard_count);
}

ShardIndex Shard::shard_of_topic(std::string_view topic) const {
    return shard_count_ == 1 ? index_ : pick(mix(hash_start ^ hash_seed_, topic), shard_count_);
}

ShardIndex Shard::shard_of_group(std::string_view group, std::string_view filter) const {
    return shard_count_ == 1
               ? index_
               : pick(mix(mix(hash_start ^ hash_seed_, group) ^ '/', filter), shard_count_);
}

// --- answers ---

// Goes out at once when it waits for nothing and nothing of its connection waits before it.
void Shard::answer(Connection& connection, Answer answer) {
    if (connection.answers_pending == 0 && is_due(answer, confirmed_sequence())) {
        send_answer(connection, answer);
        return;
    }
    ++connection.answers_pending;
    connection.pubacks_pending += answer.type == PacketType::puback ? 1 : 0;
    connection.pubrecs_pending += answer.type == PacketType::pubrec ? 1 : 0;
    update_reading(connection);
    answers_.push_back(std::move(answer));
}

bool Shard::is_due(const Answer& answer, std::uint64_t confirmed) const {
    return answer.ticket <= durable_ && answer.sequence <= confirmed;
}

// Every peer has confirmed all it was sent up to here. A peer that owes nothing does not count,
// though the last it was sent may be long ago.
std::uint64_t Shard::confirmed_sequence() const {
    std::uint64_t confirmed = std::numeric_limits<std::uint64_t>::max();
    if (shard_count_ > 1) {
        for (const Peer& peer : peers_) {
            if (peer.confirmed != peer.sent) {
                confirmed = std::min(confirmed, peer.confirmed);
            }
        }
    }
    return confirmed;
}

void Shard::release_answers() {
    if (answers_.empty()) {
        return;
    }
    const std::uint64_t confirmed = confirmed_sequence();
    while (!answers_.empty() && is_due(answers_.front(), confirmed)) {
        const Answer due = std::move(answers_.front());
        answers_.pop_front();
        Connection* connection = find(due.connection);
        if (connection == nullptr || !connection->is_connected()) {
            continue;
        }
        --connection->answers_pending;
        connection->pubacks_pending -= due.type == PacketType::puback ? 1 : 0;
        connection->pubrecs_pending -= due.type == PacketType::pubrec ? 1 : 0;
        send_answer(*connection, due);
        update_reading(*connection);
    }
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

// --- the store ---

void Shard::record(StoreRecord record) {
    if (store_.keeps_records()) {
        batch_.records.push_back(std::move(record));
    }
}

void Shard::on_durable(StoreTicket ticket) {
    MARTLET_ASSERT(ticket >= durable_);
    durable_ = ticket;
}

// --- peers ---

void Shard::send_to(ShardIndex shard, ShardItem item) {
    MARTLET_ASSERT(shard != index_);
    peers_[shard].outgoing.items.push_back(std::move(item));
}

void Shard::push_batches() {
    for (SharedResultItem& item : std::exchange(returned_, {})) {
        on_shared_result(item);
    }
    if (!batch_.empty()) {
        store_.submit(next_ticket_++, std::exchange(batch_, {}));
    }
    for (ShardIndex shard = 0; shard < shard_count_; ++shard) {
        Peer& peer = peers_[shard];
        std::uint64_t confirm = 0;
        while (!peer.confirm_after.empty() && peer.confirm_after.front().first <= durable_) {
            confirm = peer.confirm_after.front().second;
            peer.confirm_after.pop_front();
        }
        if (confirm != 0) {
            send_to(shard, ConfirmItem{confirm});
        }
        if (!peer.outgoing.items.empty()) {
            link_->send(index_, shard, std::exchange(peer.outgoing, {}));
        }
    }
}

void Shard::on_batch(ShardIndex from, ShardBatch batch, Instant now) {
    now_ = now;
    const std::size_t mark = store_mark();
    std::uint64_t to_confirm = 0;
    for (ShardItem& item : batch.items) {
        if (const auto* publish = std::get_if<PublishItem>(&item)) {
            to_confirm = std::max(to_confirm, publish->sequence);
        }
        std::visit([&](auto& value) { on_item(from, value); }, item);
    }
    if (to_confirm != 0) {
        // Safe here once what it made this shard record is durable.
        peers_[from].confirm_after.emplace_back(ticket_since(mark), to_confirm);
    }
}

void Shard::on_item(ShardIndex, PublishItem& item) {
    Publication publication(std::move(item.message));
    route_here(publication);
}

void Shard::on_item(ShardIndex from, const ConfirmItem& item) {
    peers_[from].confirmed = item.sequence;
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
    groups_.join(item);
}

void Shard::on_item(ShardIndex, const SharedLeaveItem& item) {
    groups_.leave(item.group, item.filter, item.member);
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
