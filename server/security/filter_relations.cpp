#include "server/security/filter_relations.hpp"

#include "protocol/topic_levels.hpp"

namespace martlet::security {

namespace {

bool begins_with_wildcard(std::string_view filter) {
    return filter.starts_with('+') || filter.starts_with('#');
}

}  // namespace

bool filters_overlap(std::string_view a, std::string_view b) {
    if ((begins_with_wildcard(a) && b.starts_with('$')) ||
        (begins_with_wildcard(b) && a.starts_with('$'))) {
        return false;
    }
    protocol::TopicLevels left{a};
    protocol::TopicLevels right{b};
    while (left.more && right.more) {
        const std::string_view l = left.next();
        const std::string_view r = right.next();
        if (l == "#" || r == "#") {
            return true;
        }
        if (l != r && l != "+" && r != "+") {
            return false;
        }
    }
    // "a/#" matches "a" too.
    return (!left.more && !right.more) || (left.more && left.rest == "#") ||
           (right.more && right.rest == "#");
}

bool filter_covers(std::string_view outer, std::string_view inner) {
    if (begins_with_wildcard(outer) && inner.starts_with('$')) {
        return false;
    }
    // A topic has one level at least.
    protocol::TopicLevels wide{outer == "+/#" ? std::string_view("#") : outer};
    protocol::TopicLevels narrow{inner};
    while (wide.more && narrow.more) {
        const std::string_view w = wide.next();
        const std::string_view n = narrow.next();
        if (w == "#") {
            return true;
        }
        if (n == "#" || (w != "+" && w != n)) {
            return false;
        }
    }
    return (!wide.more && !narrow.more) || (wide.more && wide.rest == "#");
}

}  // namespace martlet::security
