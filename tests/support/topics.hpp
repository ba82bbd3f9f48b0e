// Random topics and filters from a few short levels, so that they meet each other often.
// Threading: pure functions.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tests/support/random.hpp"

namespace martlet::testing {

inline std::string random_level(Random& random) {
    static constexpr std::array<std::string_view, 8> levels = {
        "", "a", "b", "c", "$a", "a level too long to lie in its node", "d0", "d1"};
    return std::string(random.pick(levels));
}

inline std::string random_topic(Random& random) {
    std::string topic = random_level(random);
    while (!random.chance(3)) {
        topic += '/' + random_level(random);
    }
    return topic.empty() ? "a" : topic;
}

inline std::string random_filter(Random& random) {
    std::string filter = random.chance(3) ? "+" : random_level(random);
    while (!random.chance(3)) {
        filter += '/' + (random.chance(3) ? "+" : random_level(random));
    }
    if (random.chance(4)) {
        filter = random.chance(8) ? "#" : filter + "/#";
    }
    return filter.empty() ? "+" : filter;
}

}  // namespace martlet::testing
