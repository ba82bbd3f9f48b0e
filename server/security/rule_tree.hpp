// Which of many rules concern a topic: a tree of topic levels, so that a user with a thousand rules
// costs little more than one with three.
// Ownership: owns copies of the filters' levels. Threading: immutable once all rules are added;
// looking up allocates nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/topic_levels.hpp"

namespace martlet::security {

// What a rule permits, or forbids; as bits, so that those of several rules add up.
using Rights = std::uint8_t;
inline constexpr Rights right_read = 1;
inline constexpr Rights right_write = 2;
inline constexpr Rights right_denied = 4;

class RuleTree {
public:
    RuleTree() : nodes_(1) {}

    // `filter` is valid and not deeper than filter_levels_max.
    void add(std::string_view filter, Rights rights);

    // Those of all rules whose filter matches the topic.
    Rights find(std::string_view topic) const;

private:
    static constexpr std::uint32_t none = 0;  // nobody's child is the root

    struct Child {
        std::string level;
        std::uint32_t node;
    };
    struct Node {
        std::vector<Child> children;  // by level
        std::uint32_t any_level = none;
        Rights here = 0;
        Rights below = 0;  // of a filter that ends in '#' behind this
    };

    std::uint32_t child(std::uint32_t parent, std::string_view level);
    static std::uint32_t find_child(const Node& node, std::string_view level);
    void collect(const Node& node, protocol::TopicLevels levels, Rights& rights) const;

    std::vector<Node> nodes_;
};

// Deeper filters are refused where they are read: looking up recurses by level.
inline constexpr std::size_t filter_levels_max = 200;

}  // namespace martlet::security
