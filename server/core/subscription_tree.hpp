// Which subscriptions want a topic: all filters of a shard and their Subscribers.
//
// Filters without wildcards, most of them, lie in one hash table of whole texts: a publish finds
// them all with one look. Filters with wildcards lie in a tree of levels, where '+' and '#' hang on
// their node directly. A match visits only nodes that exist: at most one ordinary and one '+'
// branch from each, so its work is bounded by the filters there are, whatever their shape.
// Ownership: owns filters and Subscribers; sessions keep (FilterKey, position) of theirs.
// Threading: its shard's thread only.
// Invariant: a FilterKey is live as long as its filter has at least one Subscriber.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/core/compact_text.hpp"
#include "server/core/hash_index.hpp"
#include "server/core/slab.hpp"
#include "server/core/subscriber.hpp"
#include "server/core/text_hash.hpp"
#include "server/core/topic_levels.hpp"
#include "server/core/topic_tree.hpp"

namespace martlet::core {

// Names a filter that has at least one Subscriber. Top bit: it has wildcards.
using FilterKey = std::uint32_t;
inline constexpr FilterKey no_filter = 0xFFFFFFFF;

class SubscriptionTree {
public:
    // Where a Subscriber lies.
    struct Place {
        FilterKey key = no_filter;
        std::uint32_t position = 0;
    };

    explicit SubscriptionTree(std::uint64_t hash_seed);
    SubscriptionTree(const SubscriptionTree&) = delete;
    SubscriptionTree& operator=(const SubscriptionTree&) = delete;

    // Appends. The filter is valid, and the session is not on it yet.
    Place add(std::string_view filter, const Subscriber& subscriber);
    std::optional<FilterKey> find(std::string_view filter) const;

    // In no particular order; valid until the next add() or remove().
    std::span<Subscriber> subscribers(FilterKey key) { return list(key).span(); }
    std::span<const Subscriber> subscribers(FilterKey key) const { return list(key).span(); }

    // The last Subscriber of the filter takes the place of the one removed. If that is another, it
    // is returned, so that its session can note the new position. The filter goes with its last.
    std::optional<Subscriber> remove(FilterKey key, std::uint32_t position);

    std::string filter_text(FilterKey key) const;

    // Calls f(FilterKey, std::span<const Subscriber>) for every filter that matches the topic, each
    // once. f must not change the tree. `topic_hash` is of the whole topic, by the broker's seed.
    template <class F>
    void match(std::string_view topic, F&& f) const {
        match(topic, hash_(topic), f);
    }
    template <class F>
    void match(std::string_view topic, std::uint64_t topic_hash, F&& f) const {
        const std::uint32_t hash = exact_part(topic_hash);
        if (wildcard_count_ == 0) {
            match_exact(topic, hash, f);
            return;
        }
        // The order of what follows is that of the cache misses: all are under way before the first
        // is waited for.
        exact_index_.prefetch(hash);
        TopicLevels levels(topic, tree_.hash());
        const Tree::PathPrefetch path(tree_, levels);
        prefetch_exact(hash);
        path.prefetch_nodes();
        match_wildcards(levels, f);
        match_exact(topic, hash, f);
    }

    std::size_t filter_count() const { return exact_.size() + wildcard_count_; }
    std::size_t subscription_count() const { return subscription_count_; }
    std::size_t memory_size() const;

private:
    static constexpr FilterKey wildcard_bit = 0x80000000;

    // One cache line, so that finding an exact filter costs two misses: table and record.
    struct alignas(64) ExactFilter {
        explicit ExactFilter(std::string_view filter) : text(filter) {}

        CompactText<48> text;
        SubscriberList subscribers;
    };
    // Of a node of the tree. Only nodes where a filter ends have subscribers.
    struct Branches {
        SubscriberList subscribers;
        TopicNodeId plus = no_node;
        TopicNodeId hash = no_node;
    };
    using Tree = TopicTree<Branches>;

    static std::uint32_t exact_part(std::uint64_t topic_hash) {
        return static_cast<std::uint32_t>(topic_hash >> 32U);
    }
    std::uint32_t exact_hash(std::string_view topic) const { return exact_part(hash_(topic)); }
    std::uint32_t find_exact(std::string_view topic, std::uint32_t hash) const {
        return exact_index_.find(hash,
                                 [&](std::uint32_t id) { return exact_[id].text.view() == topic; });
    }

    // The first record with that hash is nearly always the right one.
    void prefetch_exact(std::uint32_t hash) const {
        exact_index_.find(hash, [&](std::uint32_t id) {
            exact_.prefetch(id);
            return true;
        });
    }

    template <class F>
    void match_exact(std::string_view topic, std::uint32_t hash, F& f) const {
        const std::uint32_t id = find_exact(topic, hash);
        if (id != HashIndex::none) {
            f(FilterKey{id}, exact_[id].subscribers.span());
        }
    }
    template <class F>
    void match_wildcards(TopicLevels& levels, F& f) const;
    template <class F>
    void report(TopicNodeId id, F& f) const {
        const SubscriberList& found = tree_[id].value.subscribers;
        if (!found.empty()) {
            f(id | wildcard_bit, found.span());
        }
    }

    SubscriberList& list(FilterKey key);
    const SubscriberList& list(FilterKey key) const;
    FilterKey add_exact(std::string_view filter);
    FilterKey add_wildcard(std::string_view filter);
    TopicNodeId branch(TopicNodeId parent, const TopicLevel& level) const;
    TopicNodeId add_branch(TopicNodeId parent, const TopicLevel& level);
    void remove_exact(std::uint32_t id);
    void prune(TopicNodeId id);

    TextHash hash_;
    std::uint64_t plus_hash_;  // of the level "+"
    Slab<ExactFilter> exact_;
    HashIndex exact_index_;
    Tree tree_;
    std::size_t wildcard_count_ = 0;
    std::size_t subscription_count_ = 0;
    std::size_t outside_bytes_ = 0;  // texts and arrays outside their records
};

template <class F>
void SubscriptionTree::match_wildcards(TopicLevels& levels, F& f) const {
    // A branch still to be walked: `node` matches the first `depth` levels.
    struct Branch {
        TopicNodeId node;
        std::uint32_t depth;
    };
    boost::container::small_vector<Branch, 32> branches;
    // [v3.1.1 MQTT-4.7.2-1] [v5 MQTT-4.7.2-1]
    const bool is_for_all = !levels.at(0)->text.starts_with('$');
    branches.push_back({tree_.root(), 0});
    while (!branches.empty()) {
        auto [id, depth] = branches.back();
        branches.pop_back();
        while (id != no_node) {
            const Tree::Node& node = tree_[id];
            const bool wildcards_apply = depth != 0 || is_for_all;
            if (wildcards_apply && node.value.hash != no_node) {
                report(node.value.hash, f);  // "a/#" is also for "a" itself
            }
            const TopicLevel* level = levels.at(depth);
            if (level == nullptr) {
                report(id, f);
                break;
            }
            ++depth;
            const TopicNodeId child =
                node.first_child == no_node ? no_node : tree_.child(id, *level);
            if (wildcards_apply && node.value.plus != no_node) {
                if (const TopicLevel* next = levels.at(depth)) {
                    tree_.prefetch(node.value.plus, tree_.hash().path(node.path_hash, plus_hash_),
                                   *next);
                }
                branches.push_back({node.value.plus, depth});
            }
            id = child;
        }
    }
}

}  // namespace martlet::core
