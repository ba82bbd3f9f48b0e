// A tree of topic levels: what the wildcard subscriptions and the retained messages have in common.
//
// Nodes lie in a slab and name each other by ids. A child is found through one hash table for the
// whole tree, keyed by (parent, level text), so that a node with a million children is as fast as
// one with two, and a node with one costs no container of its own. Listed children are also chained
// for traversal; unlisted ones are known only to whoever made them (the '+' and '#' branches of
// subscriptions). Nothing here recurses: a topic may have 65,536 levels.
// Ownership: owns its nodes and their values. Threading: its shard's thread only.
// Invariant: every node but the root has a live parent; node ids are < 2^31.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/assert.hpp"
#include "server/core/compact_text.hpp"
#include "server/core/hash_index.hpp"
#include "server/core/slab.hpp"
#include "server/core/text_hash.hpp"
#include "server/core/topic_levels.hpp"

namespace martlet::core {

using TopicNodeId = std::uint32_t;
inline constexpr TopicNodeId no_node = HashIndex::none;

template <class Value>
class TopicTree {
public:
    struct Node {
        Node(TopicNodeId parent_node, std::string_view text) : parent(parent_node), level(text) {}

        TopicNodeId parent;
        TopicNodeId first_child = no_node;  // listed children only
        TopicNodeId next_sibling = no_node;
        TopicNodeId previous_sibling = no_node;
        CompactText<16> level;
        Value value{};
    };

    explicit TopicTree(std::uint64_t hash_seed) : hash_(hash_seed) {
        root_ = nodes_.allocate(no_node, std::string_view());
    }

    const TextHash& hash() const { return hash_; }
    TopicNodeId root() const { return root_; }
    Node& operator[](TopicNodeId id) { return nodes_[id]; }
    const Node& operator[](TopicNodeId id) const { return nodes_[id]; }

    // A listed child, or no_node.
    TopicNodeId child(TopicNodeId parent, const TopicLevel& level) const {
        return index_.find(hash_.child(parent, level.hash), [&](TopicNodeId id) {
            const Node& node = nodes_[id];
            return node.parent == parent && node.level.view() == level.text;
        });
    }
    // The child must not be there yet. It becomes the first of its siblings.
    TopicNodeId add_child(TopicNodeId parent, const TopicLevel& level);
    TopicNodeId add_unlisted_child(TopicNodeId parent, std::string_view level);

    // Neither node may have children, listed or not.
    void remove_child(TopicNodeId id);
    void remove_unlisted_child(TopicNodeId id) { nodes_.release(id); }

    // The levels from the root to the node, joined with '/'.
    std::string path(TopicNodeId id) const;

    std::size_t node_count() const { return nodes_.size(); }
    // Without level texts that do not fit into their node.
    std::size_t memory_size() const { return nodes_.memory_size() + index_.memory_size(); }

private:
    TextHash hash_;
    Slab<Node> nodes_;
    HashIndex index_;
    TopicNodeId root_ = no_node;
};

template <class Value>
TopicNodeId TopicTree<Value>::add_child(TopicNodeId parent, const TopicLevel& level) {
    const TopicNodeId id = nodes_.allocate(parent, level.text);
    Node& node = nodes_[id];
    node.next_sibling = nodes_[parent].first_child;
    if (node.next_sibling != no_node) {
        nodes_[node.next_sibling].previous_sibling = id;
    }
    nodes_[parent].first_child = id;
    index_.insert(hash_.child(parent, level.hash), id);
    return id;
}

template <class Value>
TopicNodeId TopicTree<Value>::add_unlisted_child(TopicNodeId parent, std::string_view level) {
    return nodes_.allocate(parent, level);
}

template <class Value>
void TopicTree<Value>::remove_child(TopicNodeId id) {
    Node& node = nodes_[id];
    MARTLET_ASSERT(id != root_ && node.first_child == no_node);
    if (node.previous_sibling != no_node) {
        nodes_[node.previous_sibling].next_sibling = node.next_sibling;
    } else {
        nodes_[node.parent].first_child = node.next_sibling;
    }
    if (node.next_sibling != no_node) {
        nodes_[node.next_sibling].previous_sibling = node.previous_sibling;
    }
    index_.erase(hash_.child(node.parent, hash_(node.level.view())), id);
    nodes_.release(id);
}

template <class Value>
std::string TopicTree<Value>::path(TopicNodeId id) const {
    std::size_t size = 0;
    for (TopicNodeId at = id; at != root_; at = nodes_[at].parent) {
        size += nodes_[at].level.view().size() + 1;
    }
    std::string text(size == 0 ? 0 : size - 1, '/');
    std::size_t end = text.size();
    for (TopicNodeId at = id; at != root_; at = nodes_[at].parent) {
        const std::string_view level = nodes_[at].level.view();
        text.replace(end - level.size(), level.size(), level);
        end -= level.size() + (end == level.size() ? 0 : 1);
    }
    return text;
}

}  // namespace martlet::core
