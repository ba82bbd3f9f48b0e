// The retained messages of a shard: one Message for each topic, found by topic and by filter.
//
// A tree of topic levels. What a new subscription is owed is read through a Cursor, slice by slice,
// while messages are set and erased in between.
// Ownership: shares the messages. Threading: its shard's thread only.
// Invariant: every node but the root has a message or a child; no cursor stands on a node that is
// not there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/message.hpp"
#include "server/core/store.hpp"
#include "server/core/topic_tree.hpp"

namespace martlet::core {

// What is kept for a topic.
struct Retained {
    MessageRef message;
    RetainedId stored = 0;  // its row in the store; 0: it has none
};

class RetainedMessages {
public:
    class Cursor;

    explicit RetainedMessages(std::uint64_t hash_seed) : tree_(hash_seed) {}
    RetainedMessages(const RetainedMessages&) = delete;
    RetainedMessages& operator=(const RetainedMessages&) = delete;
    // Cursors that are left are at their end from then on.
    ~RetainedMessages();

    // Each returns what was there before, if anything. The topic is the message's own or equal to
    // it; the message is not null.
    Retained set(std::string_view topic, Retained retained);
    Retained erase(std::string_view topic);
    // Null if there is nothing; valid until the topic is set or erased.
    const Retained* find(std::string_view topic) const;

    std::size_t count() const { return count_; }
    // Sum of Message::memory_size().
    std::size_t bytes() const { return bytes_; }
    // Of the index, without the messages.
    std::size_t memory_size() const;

private:
    using Tree = TopicTree<Retained>;
    static constexpr std::size_t cursor_buckets = 256;

    TopicNodeId find_node(std::string_view topic) const;
    void prune(TopicNodeId id);
    void move_cursors_off(TopicNodeId id);
    Cursor*& bucket(TopicNodeId id) { return cursors_[id % cursor_buckets]; }

    Tree tree_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::size_t outside_bytes_ = 0;  // level texts outside their nodes
    // The cursors by the node they stand on, so that erasing a node looks at few of them.
    std::array<Cursor*, cursor_buckets> cursors_{};
};

// Walks the messages whose topics match a filter. Messages that are there from the first step to
// the last are seen exactly once; those set or erased meanwhile may be seen or not. Neither moves
// nor outlives its use: it is known to the RetainedMessages by its address.
class RetainedMessages::Cursor {
public:
    enum class Step : std::uint8_t { message, done, pause };
    struct Next {
        Step step = Step::done;
        MessageRef message;
    };

    // The filter is valid; its text is copied.
    Cursor(RetainedMessages& messages, std::string_view filter);
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;
    ~Cursor();

    // The next message, or `pause` once `budget` node visits (which it counts down) are used up, so
    // that a slice is bounded even where nothing matches.
    Next next(std::size_t& budget);
    bool is_done() const { return at_ == no_node; }

private:
    friend class RetainedMessages;

    MessageRef visit();
    bool is_wild(std::size_t depth) const;
    void leave();
    void link();
    void unlink();

    RetainedMessages* messages_;
    Cursor* next_in_bucket_ = nullptr;
    Cursor* previous_in_bucket_ = nullptr;
    std::string filter_;
    std::vector<TopicLevel> levels_;  // of filter_, without a '#' at its end
    bool has_hash_ = false;           // there was one
    bool left_ = false;               // at_ and all below it have been seen
    TopicNodeId at_;         // the node to visit, or to leave if it is left_; no_node at the end
    std::size_t depth_ = 0;  // of at_; the root is at 0
};

}  // namespace martlet::core
