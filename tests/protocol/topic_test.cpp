#include "protocol/topic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/random.hpp"

using namespace martlet::protocol;

TEST_CASE(
    "topic name: at least one character and no wildcard [v3.1.1 MQTT-4.7.3-1] "
    "[v3.1.1 MQTT-4.7.1-1] [v5 MQTT-4.7.3-1] [v5 MQTT-4.7.0-1]") {
    for (const char* const valid : {"a", "/", "//", "a/b", " ", "a b", "$SYS/x", "é/€", "$share"}) {
        CAPTURE(valid);
        CHECK(is_valid_topic_name(valid));
    }
    for (const char* const invalid :
         {"", "+", "#", "a/+", "a/#", "a+b", "a#", "long/topic/name/#"}) {
        CAPTURE(invalid);
        CHECK_FALSE(is_valid_topic_name(invalid));
    }
}

TEST_CASE("topic name: at most 65535 bytes [v3.1.1 MQTT-4.7.3-3] [v5 MQTT-4.7.3-3]") {
    CHECK(is_valid_topic_name(std::string(65'535, 'a')));
    CHECK_FALSE(is_valid_topic_name(std::string(65'536, 'a')));
    CHECK(is_valid_topic_filter(std::string(65'535, 'a')));
    CHECK_FALSE(is_valid_topic_filter(std::string(65'536, 'a')));
}

TEST_CASE("topic filter: '#' stands alone and last [v3.1.1 MQTT-4.7.1-2] [v5 MQTT-4.7.1-1]") {
    for (const char* const valid : {"#", "/#", "a/#", "a/b/#", "+/#", "//#"}) {
        CAPTURE(valid);
        CHECK(is_valid_topic_filter(valid));
    }
    for (const char* const invalid : {"", "a#", "a/b#", "#/", "#/a", "a/#/b", "##", "#+", "a/##"}) {
        CAPTURE(invalid);
        CHECK_FALSE(is_valid_topic_filter(invalid));
    }
}

TEST_CASE("topic filter: '+' fills its level [v3.1.1 MQTT-4.7.1-3] [v5 MQTT-4.7.1-2]") {
    for (const char* const valid : {"+", "+/a", "a/+", "a/+/b", "+/+", "/+", "+/", "+/tennis/#"}) {
        CAPTURE(valid);
        CHECK(is_valid_topic_filter(valid));
    }
    for (const char* const invalid : {"a+", "+a", "a/b+", "a/+b/c", "++", "+/++"}) {
        CAPTURE(invalid);
        CHECK_FALSE(is_valid_topic_filter(invalid));
    }
}

TEST_CASE("topic filter: wildcards are found wherever they stand in texts of any length") {
    for (std::size_t size = 1; size < 40; ++size) {
        // '*' and ',' are neighbours of '+'; '"' and '$' of '#'; the rest borrow or carry.
        for (const char filler :
             {'a', '*', ',', '"', '$', '\x01', '\x7F', '\xAB', '\xA3', '\xFF'}) {
            std::string text(size, filler);
            CHECK_FALSE(has_wildcard(text));
            for (std::size_t at = 0; at < size; ++at) {
                for (const char wildcard : {'+', '#'}) {
                    text[at] = wildcard;
                    CHECK(has_wildcard(text));
                }
                text[at] = filler;
            }
        }
    }
    CHECK_FALSE(has_wildcard(""));
}

TEST_CASE("topic levels: slashes separate; empty levels count") {
    CHECK(level_count("a") == 1);
    CHECK(level_count("/") == 2);
    CHECK(level_count("a//b") == 3);
    CHECK(level_count("/a/b/") == 4);
}

TEST_CASE("shared filter: a share name and a filter [v5 MQTT-4.8.2-1] [v5 MQTT-4.8.2-2]") {
    const auto shared = parse_shared_filter("$share/group/sport/+/#");
    REQUIRE(shared.has_value());
    CHECK(shared->group == "group");
    CHECK(shared->filter == "sport/+/#");
    const auto leading_slash = parse_shared_filter("$share/g//finance");
    REQUIRE(leading_slash.has_value());
    CHECK(leading_slash->filter == "/finance");
    for (const char* const invalid :
         {"$share", "$share/", "$share//a", "$share/g", "$share/g/", "$share/g+/a", "$share/+/a",
          "$share/#/a", "$share/g/a#", "$share/g/#/a", "$Share/g/a", "share/g/a", ""}) {
        CAPTURE(invalid);
        CHECK_FALSE(parse_shared_filter(invalid).has_value());
    }
    CHECK(is_shared_filter("$share/"));
    CHECK_FALSE(is_shared_filter("$share"));
    CHECK_FALSE(is_shared_filter("$shared/g/a"));
}

TEST_CASE("matching: the examples of the specification") {
    struct Example {
        const char* filter;
        const char* topic;
        bool match;
    };
    const std::vector<Example> examples{
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/tennis/player1/#", "sport/tennis/player10", false},
        {"sport/#", "sport", true},
        {"sport/#", "sports", false},
        {"#", "a/b/c", true},
        {"#", "/", true},
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        {"+/tennis/#", "sport/tennis", true},
        {"a/b", "a/b", true},
        {"a/b", "a/b/", false},
        {"a/b/", "a/b", false},
        {"/a", "a", false},
        {"A", "a", false},
        {"a//b", "a//b", true},
        {"a/+/b", "a//b", true},
        {"+/#", "a", true},
        {"a/+/#", "a", false},
    };
    for (const Example& example : examples) {
        CAPTURE(example.filter);
        CAPTURE(example.topic);
        CHECK(matches(example.filter, example.topic) == example.match);
    }
}

TEST_CASE(
    "matching: wildcards in front do not match topics of the server "
    "[v3.1.1 MQTT-4.7.2-1] [v5 MQTT-4.7.2-1]") {
    CHECK_FALSE(matches("#", "$SYS/broker"));
    CHECK_FALSE(matches("+/broker", "$SYS/broker"));
    CHECK_FALSE(matches("+", "$SYS"));
    CHECK(matches("$SYS/#", "$SYS/broker"));
    CHECK(matches("$SYS/#", "$SYS"));
    CHECK(matches("$SYS/+", "$SYS/broker"));
    CHECK(matches("a/#", "a/$b"));
    CHECK(matches("a/+", "a/$b"));
}

TEST_CASE("matching: bytes are compared as they are [v3.1.1 MQTT-4.7.3-4] [v5 MQTT-4.7.3-4]") {
    // é as one code point and as e with a combining accent.
    CHECK_FALSE(matches("caf\xC3\xA9", "cafe\xCC\x81"));
    CHECK(matches("caf\xC3\xA9", "caf\xC3\xA9"));
}

namespace {

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> levels;
    std::size_t from = 0;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        if (at == text.size() || text[at] == '/') {
            levels.push_back(text.substr(from, at - from));
            from = at + 1;
        }
    }
    return levels;
}

// The definition, on levels that are split beforehand.
bool matches_by_definition(std::string_view filter, std::string_view topic) {
    if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) {
        return false;
    }
    std::vector<std::string_view> wanted = split(filter);
    std::vector<std::string_view> given = split(topic);
    if (wanted.back() == "#") {
        wanted.pop_back();
        given.resize(std::min(given.size(), wanted.size()));
    }
    return std::equal(wanted.begin(), wanted.end(), given.begin(), given.end(),
                      [](auto pattern, auto level) { return pattern == "+" || pattern == level; });
}

}  // namespace

TEST_CASE("matching: random filters and topics agree with the definition") {
    const std::uint64_t seed = martlet::testing::seed_for_this_run();
    INFO(martlet::testing::replay_hint(seed));
    martlet::testing::Random random{seed};
    const std::vector<std::string> filter_parts{"a", "b", "/", "/", "+", "#", "$"};
    const std::vector<std::string> topic_parts{"a", "b", "/", "$"};
    int matched = 0;
    for (int i = 0; i < 100'000; ++i) {
        const std::string filter = random.text(7, filter_parts);
        const std::string topic = random.text(6, topic_parts);
        if (!is_valid_topic_filter(filter) || !is_valid_topic_name(topic)) {
            continue;
        }
        const bool match = matches(filter, topic);
        if (match != matches_by_definition(filter, topic)) {
            FAIL(filter, " and ", topic);
        }
        matched += match ? 1 : 0;
    }
    CHECK(matched > 100);
}
