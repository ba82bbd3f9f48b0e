// The walk is depth first. Its whole state is one node and whether that node has been seen: going
// on takes a child, the next sibling or the parent, each a link of the node, so that a cursor can
// be moved off a node about to be erased in O(1). New nodes are linked before their siblings, that
// is behind every cursor among them, which is why nothing is seen twice.
#include <utility>

#include "server/core/retained_messages.hpp"

namespace martlet::core {

RetainedMessages::Cursor::Cursor(RetainedMessages& messages, std::string_view filter)
    : messages_(&messages), filter_(filter), at_(messages.tree_.root()) {
    TopicLevels levels(filter_, messages.tree_.hash());
    for (std::size_t depth = 0; const TopicLevel* level = levels.at(depth); ++depth) {
        levels_.push_back(*level);
    }
    if (levels_.back().text == "#") {
        levels_.pop_back();
        has_hash_ = true;
    }
    link();
}

RetainedMessages::Cursor::~Cursor() {
    if (!is_done()) {
        unlink();
    }
}

RetainedMessages::Cursor::Next RetainedMessages::Cursor::next(std::size_t& budget) {
    if (is_done()) {
        return {Step::done, nullptr};
    }
    unlink();
    Next result{Step::done, nullptr};
    while (!is_done() && result.message == nullptr) {
        if (budget == 0) {
            result.step = Step::pause;
            break;
        }
        --budget;
        if (left_) {
            leave();
        } else {
            result.message = visit();
        }
    }
    if (result.message != nullptr) {
        result.step = Step::message;
    }
    if (!is_done()) {
        link();
    }
    return result;
}

MessageRef RetainedMessages::Cursor::visit() {
    const Tree::Node& node = messages_->tree_[at_];
    // [v3.1.1 MQTT-4.7.2-1] [v5 MQTT-4.7.2-1]
    if (depth_ == 1 && is_wild(0) && node.level.view().starts_with('$')) {
        leave();
        return nullptr;
    }
    const bool is_match = depth_ >= levels_.size();
    MessageRef message = is_match ? node.value.message : nullptr;
    TopicNodeId child = no_node;
    if (!is_match && !is_wild(depth_)) {
        child = messages_->tree_.child(at_, levels_[depth_]);
    } else if (!is_match || has_hash_) {
        child = node.first_child;
    }
    if (child == no_node) {
        leave();
    } else {
        at_ = child;
        ++depth_;
    }
    return message;
}

// Whether a child of a node at `depth` has siblings that match as well.
bool RetainedMessages::Cursor::is_wild(std::size_t depth) const {
    return depth >= levels_.size() || levels_[depth].text == "+";
}

// Goes on from a node that has been seen with all below it.
void RetainedMessages::Cursor::leave() {
    if (depth_ == 0) {
        at_ = no_node;
        return;
    }
    const Tree::Node& node = messages_->tree_[at_];
    left_ = !is_wild(depth_ - 1) || node.next_sibling == no_node;
    if (left_) {
        at_ = node.parent;
        --depth_;
    } else {
        at_ = node.next_sibling;
    }
}

void RetainedMessages::Cursor::link() {
    Cursor*& first = messages_->bucket(at_);
    previous_in_bucket_ = nullptr;
    next_in_bucket_ = first;
    if (first != nullptr) {
        first->previous_in_bucket_ = this;
    }
    first = this;
}

void RetainedMessages::Cursor::unlink() {
    if (previous_in_bucket_ != nullptr) {
        previous_in_bucket_->next_in_bucket_ = next_in_bucket_;
    } else {
        messages_->bucket(at_) = next_in_bucket_;
    }
    if (next_in_bucket_ != nullptr) {
        next_in_bucket_->previous_in_bucket_ = previous_in_bucket_;
    }
}

}  // namespace martlet::core
