#include "server/core/interest.hpp"

#include "protocol/topic_levels.hpp"

namespace martlet::core {

namespace {

constexpr std::uint32_t root = 0;

}  // namespace

Interest::Interest(std::uint64_t hash_seed, std::size_t shard_count) : hash_(hash_seed) {
    if (shard_count > 1) {
        counts_ = std::make_unique<std::uint32_t[]>(bucket_count);
        others_ = std::make_unique<Shards[]>(bucket_count);
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

Interest::Buckets Interest::used() const {
    Buckets used(bucket_count);
    for (Bucket bucket = 0; bucket < bucket_count; ++bucket) {
        used[bucket] = counts_[bucket] != 0;
    }
    return used;
}

void Interest::learn(ShardIndex shard, Bucket bucket, bool is_used) {
    const Shards before = others_[bucket];
    others_[bucket] = is_used ? before | bit(shard) : before & ~bit(shard);
    if (bucket >= whole_count && others_[bucket] != before) {
        prefixes_used_ += is_used ? 1 : std::uint64_t{0} - 1;
    }
}

void Interest::learn_all(ShardIndex shard, const Buckets& used) {
    for (Bucket bucket = 0; bucket < bucket_count; ++bucket) {
        if (used[bucket]) {
            learn(shard, bucket, true);
        }
    }
    untold_ &= ~bit(shard);
}

// "a/#" is for "a" too, so the whole topic counts among its prefixes.
Interest::Shards Interest::shards_for(std::string_view topic, std::uint64_t topic_hash) const {
    Shards shards = untold_ | others_[of_whole(topic_hash)];
    if (prefixes_used_ == 0) {
        return shards;
    }
    protocol::TopicLevels levels{topic};
    std::uint32_t path = root;
    shards |= others_[of_prefix(path)];
    for (int depth = 0; depth < prefix_levels_max && levels.more; ++depth) {
        path = hash_.path(path, hash_(levels.next()));
        shards |= others_[of_prefix(path)];
    }
    return shards;
}

}  // namespace martlet::core
