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

#include <array>
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
        Node(TopicNodeId parent_node, std::uint32_t hash, std::string_view text)
            : parent(parent_node), path_hash(hash), level(text) {}

        TopicNodeId parent;
        std::uint32_t path_hash;            // from the root to this node
        TopicNodeId first_child = no_node;  // listed children only
        TopicNodeId next_sibling = no_node;
        TopicNodeId previous_sibling = no_node;
        CompactText<16> level;
        Value value{};
    };

    explicit TopicTree(std::uint64_t hash_seed) : hash_(hash_seed) {
        root_ = nodes_.allocate(no_node, root_hash, std::string_view());
    }

    const TextHash& hash() const { return hash_; }
    TopicNodeId root() const { return root_; }
    Node& operator[](TopicNodeId id) { return nodes_[id]; }
    const Node& operator[](TopicNodeId id) const { return nodes_[id]; }

    // A listed child, or no_node.
    TopicNodeId child(TopicNodeId parent, const TopicLevel& level) const {
        return index_.find(hash_.path(nodes_[parent].path_hash, level.hash), [&](TopicNodeId id) {
            const Node& node = nodes_[id];
            return node.parent == parent && node.level.view() == level.text;
        });
    }

    // Starts to load where the nodes of a path will be looked for, down to some depth. Some work
    // later, prefetch_nodes() starts to load the nodes themselves. A small tree lies in the cache
    // anyway; there both do nothing.
    class PathPrefetch {
    public:
        PathPrefetch(const TopicTree& tree, TopicLevels& levels) : tree_(tree) {
            if (tree.node_count() < nodes_in_cache) {
                return;
            }
            std::uint32_t hash = root_hash;
            while (const TopicLevel* level = levels.at(count_)) {
                hash = tree.hash_.path(hash, level->hash);
                hashes_[count_] = hash;
                tree.index_.prefetch(hash);
                if (++count_ == levels_max) {
                    break;
                }
            }
        }
        void prefetch_nodes() const {
            for (std::size_t depth = 0; depth < count_; ++depth) {
                if (!tree_.prefetch_node(hashes_[depth])) {
                    break;  // without it there is none below
                }
            }
        }

    private:
        static constexpr std::size_t levels_max = 8;
        static constexpr std::size_t nodes_in_cache = 4096;

        const TopicTree& tree_;
        std::array<std::uint32_t, levels_max> hashes_;  // of the path down to each level
        std::size_t count_ = 0;
    };

    // The node of a path of listed children, or no_node.
    TopicNodeId find(TopicLevels& levels) const {
        PathPrefetch(*this, levels).prefetch_nodes();
        TopicNodeId id = root_;
        for (std::size_t depth = 0; const TopicLevel* level = levels.at(depth); ++depth) {
            id = child(id, *level);
            if (id == no_node) {
                break;
            }
        }
        return id;
    }

    // Starts to load a node and where its child will be looked for.
    void prefetch(TopicNodeId id, std::uint32_t path_hash, const TopicLevel& level) const {
        nodes_.prefetch(id);
        index_.prefetch(hash_.path(path_hash, level.hash));
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
    static constexpr std::uint32_t root_hash = 0;

    // The first node with that hash is nearly always the right one. Whether there is one.
    bool prefetch_node(std::uint32_t path_hash) const {
        const auto prefetch = [&](TopicNodeId id) {
            nodes_.prefetch(id);
            return true;
        };
        return index_.find(path_hash, prefetch) != no_node;
    }

    TextHash hash_;
    Slab<Node> nodes_;
    HashIndex index_;
    TopicNodeId root_ = no_node;
};

template <class Value>
TopicNodeId TopicTree<Value>::add_child(TopicNodeId parent, const TopicLevel& level) {
    const std::uint32_t hash = hash_.path(nodes_[parent].path_hash, level.hash);
    const TopicNodeId id = nodes_.allocate(parent, hash, level.text);
    Node& node = nodes_[id];
    node.next_sibling = nodes_[parent].first_child;
    if (node.next_sibling != no_node) {
        nodes_[node.next_sibling].previous_sibling = id;
    }
    nodes_[parent].first_child = id;
    index_.insert(hash, id);
    return id;
}

template <class Value>
TopicNodeId TopicTree<Value>::add_unlisted_child(TopicNodeId parent, std::string_view level) {
    return nodes_.allocate(parent, hash_.path(nodes_[parent].path_hash, hash_(level)), level);
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
    index_.erase(node.path_hash, id);
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
