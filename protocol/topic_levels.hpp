// A topic or filter, level by level, for whoever looks at one once. (The core's trees keep the
// hashes of the levels too: server/core/topic_levels.hpp.)
// Lifetime: a view of the text. Threading: a value.
#pragma once

#include <cstddef>
#include <string_view>

namespace martlet::protocol {

// A separator at the end leaves one more, empty level, so the end of the text and an empty rest are
// told apart by `more`.
struct TopicLevels {
    std::string_view rest;
    bool more = true;

    std::string_view next() {
        const std::size_t slash = rest.find('/');
        const std::string_view level = rest.substr(0, slash);
        more = slash != std::string_view::npos;
        rest.remove_prefix(more ? slash + 1 : rest.size());
        return level;
    }
};

}  // namespace martlet::protocol
