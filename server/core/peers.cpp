#include "server/core/peers.hpp"

#include <algorithm>
#include <limits>
#include <variant>

namespace martlet::core {

namespace {

// The highest sequence number of the run that waits for nothing any more; 0: none has become so.
std::uint64_t take_due(std::deque<Confirmation>& waiting, StoreTicket durable,
                       std::uint64_t shared) {
    std::uint64_t due = 0;
    while (!waiting.empty() && waiting.front().ticket <= durable &&
           waiting.front().shared_sequence <= shared) {
        due = waiting.front().sequences.last;
        waiting.pop_front();
    }
    return due;
}

}  // namespace

Peers::Peers(ShardIndex shard_count)
    : all_(shard_count),
      has_outgoing_(shard_count),
      owes_(shard_count),
      owes_shared_(shard_count),
      waits_(shard_count) {
}

void Peers::send_small(ShardIndex to, const Publication& publication, std::uint64_t sequence,
                       bool is_part) {
    ShardBatch& batch = outgoing(to);
    if (batch.small.size_bytes() == 0) {
        batch.small.reserve(all_[to].last_small_bytes);
    }
    if (batch.items.empty() || !std::holds_alternative<SmallPublishesItem>(batch.items.back())) {
        batch.items.emplace_back(SmallPublishesItem{});
    }
    ++std::get<SmallPublishesItem>(batch.items.back()).count;
    batch.small.add(publication, sequence, is_part);
}

void Peers::note_sent(ShardIndex to, std::uint64_t sequence) {
    all_[to].sent = sequence;
    owes_.insert(to);
}

void Peers::note_shared_sent(ShardIndex to, std::uint64_t shared_sequence) {
    all_[to].shared_sent = shared_sequence;
    owes_shared_.insert(to);
}

void Peers::on_confirmed(ShardIndex from, const ConfirmItem& item) {
    Peer& peer = all_[from];
    peer.confirmed = std::max(peer.confirmed, item.sequence);
    peer.shared_confirmed = std::max(peer.shared_confirmed, item.shared_sequence);
    if (peer.confirmed == peer.sent) {
        owes_.erase(from);
    }
    if (peer.shared_confirmed == peer.shared_sent) {
        owes_shared_.erase(from);
    }
    std::erase_if(peer.confirmed_ahead,
                  [&](const SequenceRange& range) { return range.last <= peer.confirmed; });
}

void Peers::on_confirmed_ahead(ShardIndex from, const SequenceRange& range) {
    all_[from].confirmed_ahead.push_back(range);
}

std::uint64_t Peers::confirmed() const {
    std::uint64_t confirmed = std::numeric_limits<std::uint64_t>::max();
    owes_.for_each([&](ShardIndex peer) { confirmed = std::min(confirmed, all_[peer].confirmed); });
    return confirmed;
}

std::uint64_t Peers::shared_confirmed() const {
    std::uint64_t confirmed = std::numeric_limits<std::uint64_t>::max();
    owes_shared_.for_each(
        [&](ShardIndex peer) { confirmed = std::min(confirmed, all_[peer].shared_confirmed); });
    return confirmed;
}

bool Peers::have_confirmed(std::uint64_t sequence, Interest::Shards shards) const {
    bool have = true;
    owes_.for_each([&](ShardIndex index) {
        const Peer& peer = all_[index];
        if ((shards & Interest::bit(index)) == 0) {
            return;
        }
        have = have && (sequence <= peer.confirmed ||
                        std::any_of(peer.confirmed_ahead.begin(), peer.confirmed_ahead.end(),
                                    [sequence](const SequenceRange& range) {
                                        return range.first <= sequence && sequence <= range.last;
                                    }));
    });
    return have;
}

void Peers::await(ShardIndex from, const Confirmation& waiting) {
    all_[from].to_confirm.push_back(waiting);
    waits_.insert(from);
}

void Peers::await_shared(ShardIndex from, const Confirmation& waiting) {
    all_[from].shared_to_confirm.push_back(waiting);
    waits_.insert(from);
}

void Peers::confirm(StoreTicket durable) {
    const std::uint64_t shared = shared_confirmed();
    waits_.for_each([&](ShardIndex to) {
        Peer& peer = all_[to];
        const ConfirmItem confirm{take_due(peer.to_confirm, durable, shared),
                                  take_due(peer.shared_to_confirm, durable, shared)};
        if (peer.to_confirm.empty() && peer.shared_to_confirm.empty()) {
            waits_.erase(to);
        }
        if (confirm.sequence != 0 || confirm.shared_sequence != 0) {
            send(to, confirm);
        }
    });
}

void Peers::confirm_ahead(StoreTicket durable) {
    const std::uint64_t shared = shared_confirmed();
    waits_.for_each([&](ShardIndex to) {
        for (const Confirmation& waiting : all_[to].to_confirm) {
            if (waiting.ticket <= durable && waiting.shared_sequence <= shared) {
                send(to, ConfirmAheadItem{waiting.sequences});
            }
        }
    });
}

}  // namespace martlet::core
