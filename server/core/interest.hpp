// Which other shards may have somebody for a topic, so that a publication goes to these alone.
//
// Each shard counts its own filters by bucket, a hash of the filter: of all of it when it has no
// wildcard, else of the levels before the first one. It tells the others once which buckets it uses
// (InterestToldItem; until then it is sent everything), and from then on what changes
// (InterestItem); they note it beside the bucket. Two filters may share a bucket; then a shard is
// sent what it has nobody for. It is never left out: a subscription is not acknowledged before the
// other shards know of it.
// Ownership: owns its tables. Threading: its shard's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "server/core/ids.hpp"
#include "server/core/text_hash.hpp"

namespace martlet::core {

class Interest {
public:
    using Bucket = std::uint32_t;
    using Buckets = std::vector<bool>;
    using Shards = std::uint64_t;  // one bit for each

    // With more shards than a mask has bits, all are sent everything.
    static constexpr std::size_t shards_max = 64;
    static constexpr Shards all = ~Shards{0};

    // With one shard there is nobody to tell, and it takes no memory.
    Interest(std::uint64_t hash_seed, std::size_t shard_count);

    static Shards bit(ShardIndex shard) { return Shards{1} << shard % shards_max; }

    Bucket bucket_of(std::string_view filter) const;
    // Of this shard's own filters: whether the bucket was not used before, or is not any more.
    bool add(Bucket bucket) { return counts_[bucket]++ == 0; }
    bool remove(Bucket bucket) { return --counts_[bucket] == 0; }
    Buckets used() const;

    // What another shard has told.
    void learn_all(ShardIndex shard, const Buckets& used);
    void learn(ShardIndex shard, Bucket bucket, bool is_used);

    // `topic_hash` is of the whole topic, by the broker's seed.
    Shards shards_for(std::string_view topic, std::uint64_t topic_hash) const;

private:
    // First those of filters without wildcards, then those of prefixes.
    static constexpr std::size_t whole_count = std::size_t{1} << 17U;
    static constexpr std::size_t prefix_count = std::size_t{1} << 14U;
    static constexpr std::size_t bucket_count = whole_count + prefix_count;
    // Filters that differ only after so many levels share a bucket.
    static constexpr int prefix_levels_max = 4;

    static Bucket of_whole(std::uint64_t hash) {
        return static_cast<Bucket>(hash >> 32U & (whole_count - 1));
    }
    static Bucket of_prefix(std::uint32_t path) {
        return static_cast<Bucket>(whole_count + (path & (prefix_count - 1)));
    }

    TextHash hash_;
    std::unique_ptr<std::uint32_t[]> counts_;
    std::unique_ptr<Shards[]> others_;
    Shards untold_ = 0;                // those that have not told yet
    std::uint64_t prefixes_used_ = 0;  // by others, each shard and bucket
};

}  // namespace martlet::core
