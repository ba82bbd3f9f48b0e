// Overlap and covering against what they mean: sets of topic names, all of them up to a depth.
#include "server/security/filter_relations.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "protocol/topic.hpp"
#include "tests/support/random.hpp"

using namespace martlet::security;
using martlet::protocol::matches;

namespace {

// The empty name is one here, as for the reference matcher. One level more than the filters have,
// of levels that they have and one that they have not: what two filters make of these, they make of
// all topics.
std::vector<std::string> all_topics() {
    const std::vector<std::string> levels = {"", "a", "$s", "other"};
    std::vector<std::string> all = levels;
    std::vector<std::string> deepest = levels;
    for (int depth = 1; depth < 4; ++depth) {
        std::vector<std::string> deeper;
        for (const std::string& topic : deepest) {
            for (const std::string& level : levels) {
                deeper.push_back(topic);
                deeper.back() += "/";
                deeper.back() += level;
            }
        }
        all.insert(all.end(), deeper.begin(), deeper.end());
        deepest = std::move(deeper);
    }
    return all;
}

std::string random_filter(martlet::testing::Random& random) {
    const std::vector<std::string> levels = {"", "a", "$s", "+", "+"};
    std::string filter = random.pick(levels);
    for (std::size_t more = random.below(3); more > 0; --more) {
        filter += "/" + random.pick(levels);
    }
    if (random.chance(3)) {
        const std::size_t slash = filter.rfind('/');
        filter = slash == std::string::npos ? "#" : filter.substr(0, slash) + "/#";
    }
    return filter.empty() ? "+" : filter;
}

}  // namespace

TEST_CASE("filter relations: examples") {
    CHECK(filters_overlap("#", "a/+/t"));
    CHECK(filters_overlap("a/#", "a"));
    CHECK(filters_overlap("+/b", "a/+"));
    CHECK(!filters_overlap("a/+", "a"));
    CHECK(!filters_overlap("#", "$SYS/#"));
    CHECK(filters_overlap("$SYS/#", "$SYS/broker/+"));
    CHECK(filter_covers("#", "a/+/t"));
    CHECK(filter_covers("a/#", "a"));
    CHECK(filter_covers("+/+", "a/b"));
    CHECK(!filter_covers("+/+", "a/#"));
    CHECK(!filter_covers("a/+", "+/+"));
    CHECK(!filter_covers("#", "$SYS/#"));
    CHECK(!filter_covers("+/broker", "$SYS/broker"));
}

TEST_CASE("filter relations: as sets of topic names") {
    MARTLET_SEEDED(random);
    const std::vector<std::string> topics = all_topics();
    for (int round = 0; round < 3000; ++round) {
        const std::string a = random_filter(random);
        const std::string b = random_filter(random);
        CAPTURE(a);
        CAPTURE(b);
        bool overlap = false;
        bool covers = true;
        for (const std::string& topic : topics) {
            overlap = overlap || (matches(a, topic) && matches(b, topic));
            covers = covers && (matches(a, topic) || !matches(b, topic));
        }
        REQUIRE(filters_overlap(a, b) == overlap);
        REQUIRE(filter_covers(a, b) == covers);
    }
}
