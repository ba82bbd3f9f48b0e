#include "server/app/nearest_word.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace martlet::app;

TEST_CASE("nearest word: the edit distance counts inserts deletes replacements and swaps") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("abc", "abc") == 0);
    CHECK(edit_distance("abc", "ab") == 1);
    CHECK(edit_distance("ab", "abc") == 1);
    CHECK(edit_distance("abc", "axc") == 1);
    CHECK(edit_distance("abc", "acb") == 1);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("nearest word: a likely slip finds its word and anything else finds none") {
    constexpr std::array<std::string_view, 4> words{"cafile", "capath", "certfile", "user"};
    CHECK(nearest_word("cafiel", words) == "cafile");
    CHECK(nearest_word("certifle", words) == "certfile");
    CHECK(nearest_word("usr", words) == "user");
    CHECK(nearest_word("completely_else", words).empty());
    CHECK(nearest_word("x", words).empty());
    CHECK(nearest_word("", words).empty());
    CHECK(nearest_word(std::string(100'000, 'a'), words).empty());
}
