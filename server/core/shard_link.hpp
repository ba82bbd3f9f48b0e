// Port: how shards talk. What one pass has for another shard travels as one batch.
//
// A shard gets its batches in the order they were sent, from whomever: so messages keep their order
// per publisher and topic, and what one shard sends because of another's batch does not arrive
// before what that other had sent first. Threading: send() is called on the sending shard's thread;
// batches are handed to Shard::on_batch() on the receiver's thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "server/core/ids.hpp"
#include "server/core/interest.hpp"
#include "server/core/message.hpp"
#include "server/core/packed_publications.hpp"
#include "server/core/store.hpp"

namespace martlet::core {

// A session anywhere in the broker. `session` (never reused) guards against a reused slot.
struct SessionAddress {
    std::uint64_t session = 0;
    SessionSlot slot = no_session;
    ShardIndex shard = 0;
    friend bool operator==(const SessionAddress&, const SessionAddress&) = default;
};

// A shared subscription's group on its home shard. Never reused.
struct GroupAddress {
    std::uint64_t key = 0;
    ShardIndex shard = 0;
    friend bool operator==(const GroupAddress&, const GroupAddress&) = default;
};

struct SequenceRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

// A message for the receiver's own subscribers, groups and retained part. `sequence` is not 0 when
// the sender waits for a ConfirmItem that covers it.
struct PublishItem {
    MessageRef message;
    std::uint64_t sequence = 0;
    bool is_part = false;  // at QoS 2: what is stored of it is one part of a publication
};
// The sender's publications up to `sequence` are stored everywhere: see PublicationKey.
struct CompleteItem {
    std::uint64_t sequence = 0;
};
// The next so many of the batch's small publications; each as a PublishItem.
struct SmallPublishesItem {
    std::uint32_t count = 0;
};
// All that the sender was restored with and that concerns the receiver has been sent.
struct RestoredItem {};
// The sender has filters in these buckets, and will tell what changes: see Interest.
struct InterestToldItem {
    Interest::Buckets used;
};
// It has some in this bucket from now on, or none any more. A client's SUBACK waits for the first
// sequence to be confirmed, the shard of a member of a group for the second.
struct InterestItem {
    Interest::Bucket bucket = 0;
    bool is_used = true;
    std::uint64_t sequence = 0;
    std::uint64_t shared_sequence = 0;
};
// Everything up to `sequence` that the receiver of this item once sent is safe here; likewise what
// it handed to members of its groups (SharedDeliverItem). 0: as before.
struct ConfirmItem {
    std::uint64_t sequence = 0;
    std::uint64_t shared_sequence = 0;
};
// The same of those few, though what came before them is not safe yet: while the sender's store
// takes nothing more, what needs no store does not wait for it.
struct ConfirmAheadItem {
    SequenceRange sequences;
};
// A subscriber of the sender lags (or has caught up): do not read that publisher (do again).
struct PauseItem {
    ConnectionId publisher;
    bool paused = true;
};
// The sender's session `to` has subscribed: give it, a slice at a time, what is retained here.
struct RetainedQueryItem {
    std::uint64_t query = 0;  // unique on the sender
    std::string filter;
};
struct RetainedMoreItem {  // the next slice, please; or no more
    std::uint64_t query = 0;
    bool cancel = false;
};
struct RetainedSliceItem {
    std::uint64_t query = 0;
    std::vector<MessageRef> messages;
    bool done = false;
};
// Shared subscriptions. A member's shard tells the group's shard who joins, leaves, comes and
// goes...
struct SharedJoinItem {
    std::string group;
    std::string filter;
    SessionAddress member;
    std::uint32_t packed = 0;  // subscription options and identifier, as in Subscriber
    bool online = true;
    bool persistent = false;     // may be given messages while it is away
    std::uint64_t sequence = 0;  // as in PublishItem: the SUBACK waits for it
};
struct SharedLeaveItem {
    std::string group;
    std::string filter;
    SessionAddress member;
    std::uint64_t sequence = 0;  // and so does the UNSUBACK
};
struct SharedPresenceItem {
    std::string group;
    std::string filter;
    SessionAddress member;
    bool online = true;
};
// ...is given messages by the group...
struct SharedDeliverItem {
    MessageRef message;
    GroupAddress group;
    SessionAddress member;
    std::uint32_t packed = 0;
    bool online = false;  // the member was thought to be connected
    // What a ConfirmItem has to cover, if anybody waits for that: a client of the sender, or the
    // shard that the message came from.
    std::uint64_t sequence = 0;
    std::uint64_t shared_sequence = 0;
    PublicationKey part_of{};
};
// ...and says what became of them: done with, or (`returned` set) to be given to another.
struct SharedResultItem {
    GroupAddress group;
    SessionAddress member;
    std::uint32_t completed = 0;
    MessageRef returned;
};

using ShardItem =
    std::variant<PublishItem, SmallPublishesItem, CompleteItem, RestoredItem, InterestToldItem,
                 InterestItem, ConfirmItem, ConfirmAheadItem, PauseItem, RetainedQueryItem,
                 RetainedMoreItem, RetainedSliceItem, SharedJoinItem, SharedLeaveItem,
                 SharedPresenceItem, SharedDeliverItem, SharedResultItem>;

struct ShardBatch {
    std::vector<ShardItem> items;
    PackedPublications small;
};

class ShardLink {
public:
    virtual ~ShardLink() = default;
    virtual void send(ShardIndex from, ShardIndex to, ShardBatch batch) = 0;
};

}  // namespace martlet::core
