// Another shard, as this one sees it: what leaves for it with this pass's batch, and how far each
// of the two has confirmed what it was sent.
//
// What goes to members of groups is numbered apart: a publish from a peer may wait for it to be
// confirmed by another, but it waits for the store alone, so no two shards wait for each other.
// Ownership: values. Threading: its shard's thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "server/core/shard_link.hpp"
#include "server/core/store.hpp"

namespace martlet::core {

// Received, and not confirmed: up to `sequences.last`, of which this batch brought the range.
struct Confirmation {
    SequenceRange sequences;
    StoreTicket ticket = 0;             // what it has to wait for, here...
    std::uint64_t shared_sequence = 0;  // ...and elsewhere
};

struct Peer {
    ShardBatch outgoing;
    std::size_t last_small_bytes = 0;  // in the last batch: the next is likely to be as large
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    std::vector<SequenceRange> confirmed_ahead;  // all beyond `confirmed`
    std::uint64_t shared_sent = 0;
    std::uint64_t shared_confirmed = 0;
    std::uint64_t completed = 0;  // its publications up to here are stored
    std::deque<Confirmation> to_confirm;
    std::deque<Confirmation> shared_to_confirm;

    // A peer that owes nothing does not count, though the last it was sent may be long ago.
    bool has_confirmed(std::uint64_t sequence) const {
        return confirmed == sent || sequence <= confirmed ||
               std::any_of(confirmed_ahead.begin(), confirmed_ahead.end(),
                           [sequence](const SequenceRange& range) {
                               return range.first <= sequence && sequence <= range.last;
                           });
    }
};

}  // namespace martlet::core
