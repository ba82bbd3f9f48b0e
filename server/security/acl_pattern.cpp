#include "server/security/acl_pattern.hpp"

#include "protocol/topic_levels.hpp"

namespace martlet::security {

namespace {

bool is_denial(const AclRule& pattern) {
    return (pattern.rights & right_denied) != 0;
}

// Whether a name can be a part of one topic level.
bool is_usable(std::string_view name) {
    return !name.empty() && name.find_first_of("+#/") == std::string_view::npos;
}

// A piece of a level: a name, or a character that stands for itself.
struct Piece {
    bool is_name = false;
    std::string_view text;
};

Piece take_piece(std::string_view& rest, const PatternNames& names) {
    Piece piece{false, rest.substr(0, 1)};
    if (rest.starts_with("%u")) {
        piece = {true, names.user_name};
    } else if (rest.starts_with("%c")) {
        piece = {true, names.client_id};
    }
    rest.remove_prefix(piece.is_name ? 2 : 1);
    return piece;
}

enum class Names { usable, unusable, missing };

// What can be said of the names that the text has in it.
Names names_in(std::string_view text, const PatternNames& names) {
    Names found = Names::usable;
    while (!text.empty()) {
        const Piece piece = take_piece(text, names);
        if (!piece.is_name) {
            continue;
        }
        if (piece.text.empty()) {
            return Names::missing;
        }
        if (!is_usable(piece.text)) {
            found = Names::unusable;
        }
    }
    return found;
}

bool level_matches(std::string_view pattern, std::string_view level, const PatternNames& names) {
    while (!pattern.empty()) {
        const Piece piece = take_piece(pattern, names);
        if (!level.starts_with(piece.text)) {
            return false;
        }
        level.remove_prefix(piece.text.size());
    }
    return level.empty();
}

}  // namespace

bool pattern_matches(const AclRule& pattern, std::string_view topic, const PatternNames& names) {
    if (topic.starts_with('$') && !pattern.filter.starts_with('$')) {
        return false;
    }
    const Names in_pattern = names_in(pattern.filter, names);
    if (in_pattern == Names::missing || (in_pattern == Names::unusable && !is_denial(pattern))) {
        return false;
    }
    protocol::TopicLevels wanted{pattern.filter};
    protocol::TopicLevels given{topic};
    while (wanted.more) {
        const std::string_view level = wanted.next();
        if (level == "#") {
            return true;
        }
        if (!given.more) {
            return false;
        }
        const std::string_view text = given.next();
        const bool is_any = level == "+" || (in_pattern == Names::unusable &&
                                             names_in(level, names) == Names::unusable);
        if (!is_any && !level_matches(level, text, names)) {
            return false;
        }
    }
    return !given.more;
}

std::optional<std::string> filter_of_pattern(const AclRule& pattern, const PatternNames& names) {
    const Names in_pattern = names_in(pattern.filter, names);
    if (in_pattern == Names::missing || (in_pattern == Names::unusable && !is_denial(pattern))) {
        return std::nullopt;
    }
    std::string filter;
    protocol::TopicLevels levels{pattern.filter};
    while (levels.more) {
        std::string_view level = levels.next();
        if (names_in(level, names) == Names::unusable) {
            level = "+";
        }
        while (!level.empty()) {
            filter += take_piece(level, names).text;
        }
        if (levels.more) {
            filter += '/';
        }
    }
    // A name may not reach for topics that the pattern does not speak of.
    if (filter.starts_with('$') && !pattern.filter.starts_with('$')) {
        return std::nullopt;
    }
    return filter;
}

}  // namespace martlet::security
