#include "server/core/interest.hpp"

#include "protocol/topic_levels.hpp"

namespace martlet::core {

namespace {

constexpr std::uint32_t root = 0;

}  // namespace

Interest::Interest(std::uint64_t hash_seed, std::size_t shard_count) : hash_(hash_seed) {
    if (shard_count > 1) {
        counts_ = std::make_unique<Counts[]>(bucket_count);
        others_ = std::make_unique<Interested[]>(bucket_count);
        untold_ = shard_count < shards_max ? (Shards{1} << shard_count) - 1 : ~Shards{0};
    }
}

Interest::Bucket Interest::bucket_of(std::string_view filter) const {
    if (filter.find_first_of("+#") == std::string_view::npos) {
        return of_whole(hash_(filter));
    }
    protocol::TopicLevels levels{filter};
    std::uint32_t path = root;
    for (int depth = 0; depth < prefix_levels_max && levels.more; ++depth) {
        const std::string_view level = levels.next();
        if (level == "+" || level == "#") {
            break;
        }
        path = hash_.path(path, hash_(level));
    }
    return of_prefix(path);
}

bool Interest::add(Bucket bucket, bool is_filter, bool is_kept) {
    const Use before = use_of(bucket);
    counts_[bucket].filters += is_filter ? 1 : 0;
    counts_[bucket].kept += is_kept ? 1 : 0;
    return use_of(bucket) != before;
}

bool Interest::remove(Bucket bucket, bool is_filter, bool is_kept) {
    const Use before = use_of(bucket);
    counts_[bucket].filters -= is_filter ? 1 : 0;
    counts_[bucket].kept -= is_kept ? 1 : 0;
    return use_of(bucket) != before;
}

Interest::Use Interest::use_of(Bucket bucket) const {
    const Counts& counts = counts_[bucket];
    if (counts.kept != 0) {
        return Use::kept;
    }
    return counts.filters != 0 ? Use::live : Use::none;
}

Interest::Buckets Interest::buckets() const {
    Buckets buckets{std::vector<bool>(bucket_count), std::vector<bool>(bucket_count)};
    for (Bucket bucket = 0; bucket < bucket_count; ++bucket) {
        const Use use = use_of(bucket);
        buckets.used[bucket] = use != Use::none;
        buckets.kept[bucket] = use == Use::kept;
    }
    return buckets;
}

void Interest::learn(ShardIndex shard, Bucket bucket, Use use) {
    Interested& others = others_[bucket];
    const Shards before = others.all;
    others.all = use != Use::none ? before | bit(shard) : before & ~bit(shard);
    others.keeping = use == Use::kept ? others.keeping | bit(shard) : others.keeping & ~bit(shard);
    if (bucket >= whole_count && others.all != before) {
        prefixes_used_ += use != Use::none ? 1 : std::uint64_t{0} - 1;
    }
}

void Interest::learn_all(ShardIndex shard, const Buckets& buckets) {
    for (Bucket bucket = 0; bucket < bucket_count; ++bucket) {
        if (buckets.used[bucket]) {
            learn(shard, bucket, buckets.kept[bucket] ? Use::kept : Use::live);
        }
    }
    untold_ &= ~bit(shard);
}

// "a/#" is for "a" too, so the whole topic counts among its prefixes.
Interest::Interested Interest::shards_for(std::string_view topic, std::uint64_t topic_hash) const {
    Interested shards{untold_, untold_};
    const auto add = [&](Bucket bucket) {
        shards.all |= others_[bucket].all;
        shards.keeping |= others_[bucket].keeping;
    };
    add(of_whole(topic_hash));
    if (prefixes_used_ == 0) {
        return shards;
    }
    protocol::TopicLevels levels{topic};
    std::uint32_t path = root;
    add(of_prefix(path));
    for (int depth = 0; depth < prefix_levels_max && levels.more; ++depth) {
        path = hash_.path(path, hash_(levels.next()));
        add(of_prefix(path));
    }
    return shards;
}

}  // namespace martlet::core
