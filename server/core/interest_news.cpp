// What this shard's filters match, told to its peers, so that each publication goes only to shards
// that may have somebody for it: see interest.hpp.
//
// At the start all that was restored is told at once. A group may live on another shard than its
// members, so a shard tells when all others have sent it those that join.
#include <utility>

#include "server/core/shard.hpp"

namespace martlet::core {

void Shard::tell_interest() {
    if (shard_count_ == 1 || shard_count_ > Interest::shards_max) {
        has_told_interest_ = true;
        return;
    }
    if (!std::exchange(has_said_restored_, true)) {
        send_to_all(RestoredItem{});
    }
    if (restored_peers_ + 1 == shard_count_) {
        has_told_interest_ = true;
        send_to_all(InterestToldItem{interest_.used()});
    }
}

// Until all is told everything is sent here anyway, and nobody need wait.
void Shard::add_interest(std::string_view filter) {
    if (shard_count_ == 1) {
        return;
    }
    const Interest::Bucket bucket = interest_.bucket_of(filter);
    if (!interest_.add(bucket) || !has_told_interest_) {
        return;
    }
    interest_sequence_ = ++last_sequence_;
    interest_shared_sequence_ = ++last_shared_sequence_;
    for (ShardIndex shard = 0; shard < shard_count_; ++shard) {
        if (shard != index_) {
            peers_.note_sent(shard, interest_sequence_);
            peers_.note_shared_sent(shard, interest_shared_sequence_);
            send_to(shard,
                    InterestItem{bucket, true, interest_sequence_, interest_shared_sequence_});
        }
    }
}

// Nobody waits for the others to know: they send in vain until then.
void Shard::drop_interest(std::string_view filter) {
    if (shard_count_ == 1) {
        return;
    }
    const Interest::Bucket bucket = interest_.bucket_of(filter);
    if (interest_.remove(bucket) && has_told_interest_) {
        send_to_all(InterestItem{bucket, false, 0, 0});
    }
}

void Shard::on_item(ShardIndex, const RestoredItem&) {
    ++restored_peers_;
}

void Shard::on_item(ShardIndex from, const InterestToldItem& item) {
    interest_.learn_all(from, item.used);
}

void Shard::on_item(ShardIndex from, const InterestItem& item) {
    interest_.learn(from, item.bucket, item.is_used);
    has_heard_news_ = true;
    if (store_refuses_ && item.sequence != 0) [[unlikely]] {
        send_to(from, ConfirmAheadItem{{item.sequence, item.sequence}});
    }
}

}  // namespace martlet::core
