// The other shards, as one sees them: what leaves for each with this pass's batch, how far each of
// the two has confirmed what it was sent, and what of it is stored.
//
// A pass looks only at peers that there is something to do about, so it costs no more beside many
// that are silent.
//
// What goes to members of groups is numbered apart: a publish from a peer may wait for it to be
// confirmed by another, but it waits for the store alone, so no two shards wait for each other.
// Ownership: values. Threading: its shard's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "server/core/ids.hpp"
#include "server/core/interest.hpp"
#include "server/core/shard_link.hpp"
#include "server/core/shard_set.hpp"
#include "server/core/store.hpp"

namespace martlet::core {

// Received, and not confirmed: up to `sequences.last`, of which this batch brought the range.
struct Confirmation {
    SequenceRange sequences;
    StoreTicket ticket = 0;             // what it has to wait for, here...
    std::uint64_t shared_sequence = 0;  // ...and elsewhere
};

class Peers {
public:
    explicit Peers(ShardIndex shard_count);

    // --- what leaves for a peer ---
    void send(ShardIndex to, ShardItem item) { outgoing(to).items.push_back(std::move(item)); }
    void send_small(ShardIndex to, const Publication& publication, std::uint64_t sequence,
                    bool is_part);
    // Each batch that is not empty; `deliver(ShardIndex, ShardBatch)`.
    template <class Deliver>
    void take_batches(Deliver deliver);

    // --- what it was sent, and has to confirm ---
    void note_sent(ShardIndex to, std::uint64_t sequence);
    void note_shared_sent(ShardIndex to, std::uint64_t shared_sequence);
    void on_confirmed(ShardIndex from, const ConfirmItem& item);
    void on_confirmed_ahead(ShardIndex from, const SequenceRange& range);
    // All peers have confirmed what they were sent up to here. One that owes nothing does not
    // count, though the last it was sent may be long ago.
    std::uint64_t confirmed() const;
    std::uint64_t shared_confirmed() const;
    // Those of `shards`, to which it was sent. What came before it may not be confirmed yet.
    bool have_confirmed(std::uint64_t sequence, Interest::Shards shards) const;

    // --- what it sent, and waits for ---
    void await(ShardIndex from, const Confirmation& waiting);
    void await_shared(ShardIndex from, const Confirmation& waiting);
    // Tells every peer how far what it sent has become safe here since the last time.
    void confirm(StoreTicket durable);
    // ...and what of the rest waits only for what came before it.
    void confirm_ahead(StoreTicket durable);

    // --- its publications up to here are stored everywhere; also those of the shard itself ---
    std::uint64_t completed(ShardIndex shard) const { return all_[shard].completed; }
    void set_completed(ShardIndex shard, std::uint64_t sequence) {
        all_[shard].completed = sequence;
    }

private:
    struct Peer {
        ShardBatch outgoing;
        std::size_t last_small_bytes = 0;  // in the last batch: the next is likely to be as large
        std::uint64_t sent = 0;
        std::uint64_t confirmed = 0;
        std::vector<SequenceRange> confirmed_ahead;  // all beyond `confirmed`
        std::uint64_t shared_sent = 0;
        std::uint64_t shared_confirmed = 0;
        std::uint64_t completed = 0;
        std::deque<Confirmation> to_confirm;
        std::deque<Confirmation> shared_to_confirm;
    };

    ShardBatch& outgoing(ShardIndex to) {
        has_outgoing_.insert(to);
        return all_[to].outgoing;
    }

    std::vector<Peer> all_;
    ShardSet has_outgoing_;
    ShardSet owes_;         // `confirmed` is behind `sent`
    ShardSet owes_shared_;  // the same of groups
    ShardSet waits_;        // it has something in one of the two queues
};

template <class Deliver>
void Peers::take_batches(Deliver deliver) {
    has_outgoing_.for_each([&](ShardIndex to) {
        Peer& peer = all_[to];
        has_outgoing_.erase(to);
        peer.last_small_bytes = peer.outgoing.small.size_bytes();
        deliver(to, std::exchange(peer.outgoing, {}));
    });
}

}  // namespace martlet::core
