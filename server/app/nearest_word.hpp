// "Did you mean ...?" for words people mistype. Threading: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace martlet::app {

// How many single edits (insert, delete, replace, swap two neighbours) turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the fewest edits from `word`; empty if none is near enough to be a likely
// slip. Of equally near ones the first. `word` of any length is fine.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace martlet::app
