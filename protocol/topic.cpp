#include "protocol/topic.hpp"

#include <algorithm>

#include "protocol/topic_levels.hpp"

namespace martlet::protocol {

namespace {

constexpr std::size_t text_size_max = 65'535;
constexpr std::string_view share_prefix = "$share/";

}  // namespace

bool is_valid_topic_name(std::string_view name) {
    // [v3.1.1 MQTT-4.7.3-1] [v3.1.1 MQTT-4.7.3-3] [v3.1.1 MQTT-4.7.1-1]
    // [v5 MQTT-4.7.3-1] [v5 MQTT-4.7.3-3] [v5 MQTT-4.7.0-1]
    return !name.empty() && name.size() <= text_size_max && !has_wildcard(name);
}

bool is_valid_topic_filter(std::string_view filter) {
    // [v3.1.1 MQTT-4.7.3-1] [v3.1.1 MQTT-4.7.3-3] [v5 MQTT-4.7.3-1] [v5 MQTT-4.7.3-3]
    if (filter.empty() || filter.size() > text_size_max) {
        return false;
    }
    TopicLevels levels{filter};
    while (levels.more) {
        const std::string_view level = levels.next();
        if (!has_wildcard(level) || level == "+") {  // [v3.1.1 MQTT-4.7.1-3] [v5 MQTT-4.7.1-2]
            continue;
        }
        if (level != "#" || levels.more) {  // [v3.1.1 MQTT-4.7.1-2] [v5 MQTT-4.7.1-1]
            return false;
        }
    }
    return true;
}

std::size_t level_count(std::string_view topic) {
    return 1 + static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/'));
}

bool is_shared_filter(std::string_view filter) {
    return filter.starts_with(share_prefix);
}

std::optional<SharedFilterView> parse_shared_filter(std::string_view filter) {
    if (!is_shared_filter(filter)) {
        return std::nullopt;
    }
    filter.remove_prefix(share_prefix.size());
    const std::size_t slash = filter.find('/');
    if (slash == 0 || slash == std::string_view::npos) {  // [v5 MQTT-4.8.2-1] [v5 MQTT-4.8.2-2]
        return std::nullopt;
    }
    const SharedFilterView shared{filter.substr(0, slash), filter.substr(slash + 1)};
    // [v5 MQTT-4.8.2-2]
    if (has_wildcard(shared.group) || !is_valid_topic_filter(shared.filter)) {
        return std::nullopt;
    }
    return shared;
}

bool matches(std::string_view filter, std::string_view topic_name) {
    // [v3.1.1 MQTT-4.7.2-1] [v5 MQTT-4.7.2-1]
    if (topic_name.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) {
        return false;
    }
    TopicLevels wanted{filter};
    TopicLevels given{topic_name};
    while (wanted.more) {
        const std::string_view pattern = wanted.next();
        if (pattern == "#") {  // also stands for no level at all: "a/#" matches "a"
            return true;
        }
        if (!given.more) {
            return false;
        }
        const std::string_view level = given.next();
        // Byte by byte: no normalization [v3.1.1 MQTT-4.7.3-4] [v5 MQTT-4.7.3-4].
        if (pattern != "+" && pattern != level) {
            return false;
        }
    }
    return !given.more;
}

}  // namespace martlet::protocol
