#include "server/core/retained_messages.hpp"

#include <utility>

#include "protocol/assert.hpp"

namespace martlet::core {

RetainedMessages::~RetainedMessages() {
    for (Cursor* cursor : cursors_) {
        while (cursor != nullptr) {
            Cursor* next = cursor->next_in_bucket_;
            cursor->unlink();
            cursor->at_ = no_node;
            cursor = next;
        }
    }
}

Retained RetainedMessages::set(std::string_view topic, Retained retained) {
    MARTLET_ASSERT(retained.message != nullptr);
    TopicLevels levels(topic, tree_.hash());
    Tree::PathPrefetch(tree_, levels).prefetch_nodes();
    TopicNodeId id = tree_.root();
    for (std::size_t depth = 0; const TopicLevel* level = levels.at(depth); ++depth) {
        TopicNodeId child = tree_.child(id, *level);
        if (child == no_node) {
            child = tree_.add_child(id, *level);
            outside_bytes_ += tree_[child].level.memory_size();
        }
        id = child;
    }
    Retained& place = tree_[id].value;
    bytes_ += retained.message->memory_size();
    if (place.message != nullptr) {
        bytes_ -= place.message->memory_size();
    } else {
        ++count_;
    }
    std::swap(place, retained);
    return retained;
}

Retained RetainedMessages::erase(std::string_view topic) {
    const TopicNodeId id = find_node(topic);
    if (id == no_node || tree_[id].value.message == nullptr) {
        return {};
    }
    Retained retained = std::exchange(tree_[id].value, {});
    --count_;
    bytes_ -= retained.message->memory_size();
    prune(id);
    return retained;
}

const Retained* RetainedMessages::find(std::string_view topic) const {
    const TopicNodeId id = find_node(topic);
    return id == no_node || tree_[id].value.message == nullptr ? nullptr : &tree_[id].value;
}

TopicNodeId RetainedMessages::find_node(std::string_view topic) const {
    TopicLevels levels(topic, tree_.hash());
    return tree_.find(levels);
}

// Removes the node if nothing needs it any more, and then its parents likewise.
void RetainedMessages::prune(TopicNodeId id) {
    while (id != tree_.root() && tree_[id].value.message == nullptr &&
           tree_[id].first_child == no_node) {
        move_cursors_off(id);
        const TopicNodeId parent = tree_[id].parent;
        outside_bytes_ -= tree_[id].level.memory_size();
        tree_.remove_child(id);
        id = parent;
    }
}

void RetainedMessages::move_cursors_off(TopicNodeId id) {
    for (Cursor* cursor = bucket(id); cursor != nullptr;) {
        Cursor* next = cursor->next_in_bucket_;
        if (cursor->at_ == id) {
            cursor->unlink();
            cursor->leave();
            cursor->link();
        }
        cursor = next;
    }
}

std::size_t RetainedMessages::memory_size() const {
    return sizeof *this + tree_.memory_size() + outside_bytes_;
}

}  // namespace martlet::core
