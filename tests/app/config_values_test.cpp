#include "server/app/config_values.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace martlet::app;

namespace {

template <class T>
std::string problem_of(const ValueResult<T>& result) {
    const auto* failed = std::get_if<ValueProblem>(&result);
    return failed == nullptr ? "" : failed->text;
}

}  // namespace

TEST_CASE("config values: flags are true false 1 and 0 and nothing else") {
    CHECK(std::get<bool>(read_flag("true")));
    CHECK(std::get<bool>(read_flag("1")));
    CHECK_FALSE(std::get<bool>(read_flag("false")));
    CHECK_FALSE(std::get<bool>(read_flag("0")));
    CHECK(problem_of(read_flag("yes")) == "\"yes\" is neither, expected true or false");
    CHECK(problem_of(read_flag("TRUE")) == "\"TRUE\" is neither, expected true or false");
    CHECK(problem_of(read_flag("")) == "no value, expected true or false");
}

TEST_CASE("config values: a comment may follow a word and nothing else may") {
    CHECK(std::get<bool>(read_flag("true # really")));
    CHECK(std::get<bool>(read_flag("true\t#really")));
    CHECK(problem_of(read_flag("true false")) ==
          "\"false\" behind the value, expected true or false");
    CHECK(problem_of(read_flag("# true")) == "no value, expected true or false");
}

TEST_CASE("config values: numbers name the range they should have been in") {
    const NumberRange range{.min = 1, .max = 10};
    CHECK(std::get<std::uint64_t>(read_number("1", range)) == 1);
    CHECK(std::get<std::uint64_t>(read_number("10", range)) == 10);
    CHECK(problem_of(read_number("0", range)) ==
          "\"0\" is too small, expected a whole number from 1 to 10");
    CHECK(problem_of(read_number("11", range)) ==
          "\"11\" is too large, expected a whole number from 1 to 10");
    for (const char* wrong : {"-1", "+1", "1.5", "1e1", "0x1", "one", "1K", "1,"}) {
        CAPTURE(wrong);
        CHECK(problem_of(read_number(wrong, range)).find("is not a whole number") !=
              std::string::npos);
    }
    CHECK(problem_of(read_number("99999999999999999999999", range)).find("is too large") !=
          std::string::npos);
}

TEST_CASE("config values: sizes may carry K M or G") {
    const NumberRange range{.min = 0, .max = 1ULL << 40U};
    CHECK(std::get<std::uint64_t>(read_size("4096", range)) == 4096);
    CHECK(std::get<std::uint64_t>(read_size("64K", range)) == 64 * 1024);
    CHECK(std::get<std::uint64_t>(read_size("64M", range)) == 64 * 1024 * 1024);
    CHECK(std::get<std::uint64_t>(read_size("2G", range)) == 2ULL << 30U);
    CHECK(problem_of(read_size("64k", range)).find("is not a whole number") != std::string::npos);
    CHECK(problem_of(read_size("K", range)).find("is not a whole number") != std::string::npos);
    CHECK(problem_of(read_size("2048G", range)).find("is too large") != std::string::npos);
    // The product does not fit into 64 bits.
    CHECK(problem_of(read_size("18446744073709551615G", range)).find("is too large") !=
          std::string::npos);
}

TEST_CASE("config values: durations are a number and a unit") {
    using std::chrono::seconds;
    CHECK(std::get<seconds>(read_duration("2h")) == seconds{7200});
    CHECK(std::get<seconds>(read_duration("14d")) == seconds{14 * 86'400});
    CHECK(std::get<seconds>(read_duration("1w")) == seconds{7 * 86'400});
    CHECK(std::get<seconds>(read_duration("2m")) == seconds{60 * 86'400});
    CHECK(std::get<seconds>(read_duration("1y")) == seconds{365 * 86'400});
    CHECK(problem_of(read_duration("14")) ==
          "\"14\" has no unit, expected a number followed by h, d, w, m or y, such as 14d");
    CHECK(problem_of(read_duration("h")).find("is not a whole number") != std::string::npos);
    CHECK(problem_of(read_duration("0h")).find("is too small") != std::string::npos);
    CHECK(problem_of(read_duration("999y")).find("is too large") != std::string::npos);
}

TEST_CASE("config values: text keeps blanks and number signs but no control characters") {
    CHECK(std::get<std::string>(read_text("/a path/with #1")) == "/a path/with #1");
    CHECK(problem_of(read_text("")) == "no value, expected one behind the key");
    CHECK(problem_of(read_text("a\x1b[31m")) ==
          "\"a\\x1b[31m\" holds a control character, expected printable text");
}
