#include "server/app/nearest_word.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace martlet::app {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Three rows of the usual table: the one being filled and the two above it.
    std::vector<std::size_t> two_above(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replace, above[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], two_above[j - 2] + 1);
            }
        }
        two_above.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view nearest;
    // A third of the word may be wrong, and two letters in short ones.
    std::size_t distance_max = std::max<std::size_t>(2, word.size() / 3);
    for (const std::string_view candidate : candidates) {
        const std::size_t length_difference =
            std::max(word.size(), candidate.size()) - std::min(word.size(), candidate.size());
        if (length_difference > distance_max) {
            continue;
        }
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < std::max(candidate.size(), word.size()) &&
            (distance < distance_max || (nearest.empty() && distance == distance_max))) {
            nearest = candidate;
            distance_max = distance;
        }
    }
    return nearest;
}

}  // namespace martlet::app
