// Rules for Topic Names, Topic Filters and shared subscription filters, and the reference matcher
// that the subscription tree is tested against. Threading: pure functions.
//
// The text is already well-formed UTF-8 without U+0000 (the decoder saw to that).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "protocol/swar.hpp"

namespace martlet::protocol {

// At least one character, no '+' or '#' [v3.1.1 MQTT-4.7.1-1] [v3.1.1 MQTT-4.7.3-1], <= 65,535
// bytes.
bool is_valid_topic_name(std::string_view name);

// '#' only as the last level, '+' only as a whole level [v3.1.1 MQTT-4.7.1-2] [v3.1.1
// MQTT-4.7.1-3].
bool is_valid_topic_filter(std::string_view filter);

inline bool has_wildcard(std::string_view filter) {
    return !swar::all_words(filter.data(), filter.size(), swar::has_no_wildcard);
}

// Levels are what '/' separates; "a//b" has three. At least 1.
std::size_t level_count(std::string_view topic);

struct SharedFilterView {
    std::string_view group;   // ShareName
    std::string_view filter;  // what comes after "$share/{ShareName}/"
};

// Whether the filter begins with "$share/".
bool is_shared_filter(std::string_view filter);

// Splits "$share/group/filter". Nothing if the ShareName is empty or holds '/', '+' or '#', or the
// rest is not a valid filter [v5 MQTT-4.8.2-1] [v5 MQTT-4.8.2-2].
std::optional<SharedFilterView> parse_shared_filter(std::string_view filter);

// Reference matcher, level by level, no index. Topic names that begin with '$' are not matched by
// filters that begin with a wildcard [v3.1.1 MQTT-4.7.2-1].
bool matches(std::string_view filter, std::string_view topic_name);

}  // namespace martlet::protocol
