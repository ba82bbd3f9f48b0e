#include "server/core/subscription_tree.hpp"

#include "protocol/topic.hpp"

namespace martlet::core {

SubscriptionTree::SubscriptionTree(std::uint64_t hash_seed) : hash_(hash_seed), tree_(hash_seed) {
}

SubscriptionTree::Place SubscriptionTree::add(std::string_view filter,
                                              const Subscriber& subscriber) {
    const FilterKey key = protocol::has_wildcard(filter) ? add_wildcard(filter) : add_exact(filter);
    SubscriberList& subscribers = list(key);
    const auto position = static_cast<std::uint32_t>(subscribers.size());
    outside_bytes_ -= subscribers.memory_size();
    subscribers.push_back(subscriber);
    outside_bytes_ += subscribers.memory_size();
    ++subscription_count_;
    return {key, position};
}

FilterKey SubscriptionTree::add_exact(std::string_view filter) {
    const std::uint32_t hash = exact_hash(filter);
    std::uint32_t id = find_exact(filter, hash);
    if (id == HashIndex::none) {
        id = exact_.allocate(filter);
        exact_index_.insert(hash, id);
        outside_bytes_ += exact_[id].text.memory_size();
    }
    return id;
}

FilterKey SubscriptionTree::add_wildcard(std::string_view filter) {
    TopicLevels levels(filter, tree_.hash());
    TopicNodeId id = tree_.root();
    for (std::size_t depth = 0; const TopicLevel* level = levels.at(depth); ++depth) {
        TopicNodeId next = branch(id, *level);
        if (next == no_node) {
            next = add_branch(id, *level);
            outside_bytes_ += tree_[next].level.memory_size();
        }
        id = next;
    }
    if (tree_[id].value.subscribers.empty()) {
        ++wildcard_count_;
    }
    return id | wildcard_bit;
}

TopicNodeId SubscriptionTree::branch(TopicNodeId parent, const TopicLevel& level) const {
    if (level.text == "+") {
        return tree_[parent].value.plus;
    }
    if (level.text == "#") {
        return tree_[parent].value.hash;
    }
    return tree_.child(parent, level);
}

TopicNodeId SubscriptionTree::add_branch(TopicNodeId parent, const TopicLevel& level) {
    if (level.text == "+") {
        return tree_[parent].value.plus = tree_.add_unlisted_child(parent, level.text);
    }
    if (level.text == "#") {
        return tree_[parent].value.hash = tree_.add_unlisted_child(parent, level.text);
    }
    return tree_.add_child(parent, level);
}

std::optional<FilterKey> SubscriptionTree::find(std::string_view filter) const {
    if (!protocol::has_wildcard(filter)) {
        const std::uint32_t id = find_exact(filter, exact_hash(filter));
        return id == HashIndex::none ? std::nullopt : std::optional<FilterKey>(id);
    }
    TopicLevels levels(filter, tree_.hash());
    TopicNodeId id = tree_.root();
    for (std::size_t depth = 0; const TopicLevel* level = levels.at(depth); ++depth) {
        id = branch(id, *level);
        if (id == no_node) {
            return std::nullopt;
        }
    }
    return tree_[id].value.subscribers.empty() ? std::nullopt
                                               : std::optional<FilterKey>(id | wildcard_bit);
}

std::optional<Subscriber> SubscriptionTree::remove(FilterKey key, std::uint32_t position) {
    SubscriberList& subscribers = list(key);
    outside_bytes_ -= subscribers.memory_size();
    subscribers.swap_remove(position);
    outside_bytes_ += subscribers.memory_size();
    --subscription_count_;
    if (position < subscribers.size()) {
        return subscribers.span()[position];
    }
    if (subscribers.empty()) {
        if ((key & wildcard_bit) == 0) {
            remove_exact(key);
        } else {
            --wildcard_count_;
            prune(key & ~wildcard_bit);
        }
    }
    return std::nullopt;
}

void SubscriptionTree::remove_exact(std::uint32_t id) {
    outside_bytes_ -= exact_[id].text.memory_size();
    exact_index_.erase(exact_hash(exact_[id].text.view()), id);
    exact_.release(id);
}

// Removes the node if nothing needs it any more, and then its parents likewise.
void SubscriptionTree::prune(TopicNodeId id) {
    while (id != tree_.root()) {
        const auto& node = tree_[id];
        const Branches& branches = node.value;
        if (!branches.subscribers.empty() || node.first_child != no_node ||
            branches.plus != no_node || branches.hash != no_node) {
            return;
        }
        const TopicNodeId parent = node.parent;
        Branches& siblings = tree_[parent].value;
        outside_bytes_ -= node.level.memory_size();
        if (siblings.plus == id) {
            siblings.plus = no_node;
            tree_.remove_unlisted_child(id);
        } else if (siblings.hash == id) {
            siblings.hash = no_node;
            tree_.remove_unlisted_child(id);
        } else {
            tree_.remove_child(id);
        }
        id = parent;
    }
}

std::string SubscriptionTree::filter_text(FilterKey key) const {
    return (key & wildcard_bit) == 0 ? std::string(exact_[key].text.view())
                                     : tree_.path(key & ~wildcard_bit);
}

SubscriberList& SubscriptionTree::list(FilterKey key) {
    return (key & wildcard_bit) == 0 ? exact_[key].subscribers
                                     : tree_[key & ~wildcard_bit].value.subscribers;
}

const SubscriberList& SubscriptionTree::list(FilterKey key) const {
    return (key & wildcard_bit) == 0 ? exact_[key].subscribers
                                     : tree_[key & ~wildcard_bit].value.subscribers;
}

std::size_t SubscriptionTree::memory_size() const {
    return sizeof *this + exact_.memory_size() + exact_index_.memory_size() + tree_.memory_size() +
           outside_bytes_;
}

}  // namespace martlet::core
