#include "server/security/rule_tree.hpp"

#include <algorithm>

namespace martlet::security {

namespace {

constexpr auto is_before = [](const auto& child, std::string_view level) {
    return child.level < level;
};

}  // namespace

void RuleTree::add(std::string_view filter, Rights rights) {
    std::uint32_t at = 0;
    protocol::TopicLevels levels{filter};
    while (levels.more) {
        const std::string_view level = levels.next();
        if (level == "#") {
            nodes_[at].below |= rights;
            return;
        }
        at = child(at, level);
    }
    nodes_[at].here |= rights;
}

std::uint32_t RuleTree::child(std::uint32_t parent, std::string_view level) {
    const auto made = static_cast<std::uint32_t>(nodes_.size());
    if (level == "+") {
        if (nodes_[parent].any_level != none) {
            return nodes_[parent].any_level;
        }
        nodes_[parent].any_level = made;
    } else {
        std::vector<Child>& children = nodes_[parent].children;
        const auto place = std::lower_bound(children.begin(), children.end(), level, is_before);
        if (place != children.end() && place->level == level) {
            return place->node;
        }
        children.insert(place, Child{std::string(level), made});
    }
    nodes_.emplace_back();
    return made;
}

std::uint32_t RuleTree::find_child(const Node& node, std::string_view level) {
    const auto place =
        std::lower_bound(node.children.begin(), node.children.end(), level, is_before);
    return place != node.children.end() && place->level == level ? place->node : none;
}

Rights RuleTree::find(std::string_view topic) const {
    Rights rights = 0;
    const Node& root = nodes_.front();
    if (!topic.starts_with('$')) {
        collect(root, {topic}, rights);
        return rights;
    }
    // No wildcard at the beginning stands for it.
    protocol::TopicLevels levels{topic};
    if (const std::uint32_t next = find_child(root, levels.next()); next != none) {
        collect(nodes_[next], levels, rights);
    }
    return rights;
}

void RuleTree::collect(const Node& node, protocol::TopicLevels levels, Rights& rights) const {
    rights |= node.below;
    if (!levels.more) {
        rights |= node.here;
        return;
    }
    const std::string_view level = levels.next();
    if (const std::uint32_t next = find_child(node, level); next != none) {
        collect(nodes_[next], levels, rights);
    }
    if (node.any_level != none) {
        collect(nodes_[node.any_level], levels, rights);
    }
}

}  // namespace martlet::security
