#include "server/app/log_line.hpp"

#include <doctest/doctest.h>
#include <time.h>  // NOLINT(modernize-deprecated-headers): tzset is POSIX

#include <cstdlib>
#include <string>

using namespace martlet::app;

namespace {

// 2026-01-02T03:04:05.678Z.
constexpr std::chrono::system_clock::time_point instant{std::chrono::milliseconds{1767323045678}};

// Local time of a known place, for the length of a test.
class TimeZone {
public:
    explicit TimeZone(const char* zone) {
        setenv("TZ", zone, 1);  // NOLINT(concurrency-mt-unsafe): one thread
        tzset();
    }
    ~TimeZone() {
        unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe): one thread
        tzset();
    }
    TimeZone(const TimeZone&) = delete;
    TimeZone& operator=(const TimeZone&) = delete;
};

std::string line(const LogConfig& config, LogLevel level, std::string_view message) {
    return make_log_line(config,
                         {.time = instant, .level = level, .message = message, .fields = {}})
        .text;
}

}  // namespace

TEST_CASE("log line: local time in ISO form and the message as mosquitto words it") {
    const TimeZone zone{"UTC"};
    CHECK(line({}, LogLevel::notice,
               "New client connected from 127.0.0.1:50000 as abc (p2, c1, k60, u'joe').") ==
          "2026-01-02T03:04:05: New client connected from 127.0.0.1:50000 as abc (p2, c1, k60, "
          "u'joe').\n");
    const TimeZone elsewhere{"IST-05:30"};
    CHECK(line({}, LogLevel::notice, "x") == "2026-01-02T08:34:05: x\n");
}

TEST_CASE("log line: mosquitto's other ways to write the time") {
    const TimeZone zone{"UTC"};
    CHECK(line({.timestamp_format = ""}, LogLevel::notice, "x") == "1767323045: x\n");
    CHECK(line({.timestamp = false}, LogLevel::notice, "x") == "x\n");
    CHECK(line({.timestamp_format = "%H h"}, LogLevel::notice, "x") == "03 h: x\n");
    // A format that yields nothing, or more than anybody needs, is no reason to lose the line.
    CHECK(line({.timestamp_format = std::string(1000, 'x')}, LogLevel::notice, "x") == ": x\n");
}

TEST_CASE("log line: errors and warnings say that they are") {
    const LogConfig config{.timestamp = false};
    CHECK(line(config, LogLevel::error, "no") == "Error: no\n");
    CHECK(line(config, LogLevel::warning, "hm") == "Warning: hm\n");
    CHECK(line(config, LogLevel::debug, "d") == "d\n");
}

TEST_CASE("log line: a client cannot forge a line or speak to the terminal") {
    const LogConfig config{.timestamp = false};
    CHECK(line(config, LogLevel::notice, "as a\n2026-01-02T03:04:05: Client b disconnected.") ==
          "as a\\n2026-01-02T03:04:05: Client b disconnected.\n");
    CHECK(line(config, LogLevel::notice, "\x1b]0;x\x07") == "\\x1b]0;x\\x07\n");
    CHECK(line({.timestamp_format = "%n%t"}, LogLevel::notice, "x") == "\\n\\t: x\n");
}

TEST_CASE("log line: very long messages are cut between characters") {
    const LogConfig config{.timestamp = false};
    const std::string text = line(config, LogLevel::notice, std::string(100'000, 'a'));
    CHECK(text.size() == log_message_bytes_max + 4);
    CHECK(text.ends_with("a...\n"));
    std::string umlauts = "x";  // so that the limit falls within a character
    while (umlauts.size() < 2 * log_message_bytes_max) {
        umlauts += "ü";
    }
    CHECK(line(config, LogLevel::notice, umlauts).ends_with("ü...\n"));
    CHECK(line(config, LogLevel::notice, std::string(log_message_bytes_max, 'a')).ends_with("a\n"));
}

TEST_CASE("log line: JSON has time level message and what the event is about") {
    const LogConfig config{.json = true};
    CHECK(line(config, LogLevel::warning, "a \"b\"\n") ==
          "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"warning\",\"message\":\"a "
          "\\\"b\\\"\\n\"}\n");
    const LogLine full = make_log_line(
        config, {.time = instant,
                 .level = LogLevel::notice,
                 .message = "m",
                 .fields = {.client_id = "c", .peer = "p", .user_name = "u", .reason = "r"}});
    CHECK(full.text ==
          "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"notice\",\"message\":\"m\","
          "\"client_id\":\"c\",\"address\":\"p\",\"user\":\"u\",\"reason\":\"r\"}\n");
    CHECK(line({.timestamp = false, .json = true}, LogLevel::error, "m") ==
          "{\"level\":\"error\",\"message\":\"m\"}\n");
    CHECK(line(config, LogLevel::notice, std::string(5000, 'a')).ends_with("a...\"}\n"));
}

TEST_CASE("log line: the message is found behind the time for syslog") {
    const LogLine text = make_log_line(
        {}, {.time = instant, .level = LogLevel::error, .message = "x", .fields = {}});
    CHECK(text.text.substr(text.message_offset) == "Error: x\n");
    CHECK(text.level == LogLevel::error);
}

TEST_CASE("log levels: the words of log_type are found both ways") {
    for (int i = 0; i < log_level_count; ++i) {
        const auto level = static_cast<LogLevel>(i);
        CHECK(log_level_from_word(to_string(level)) == level);
        CHECK(LogLevelSet::all().contains(level));
        CHECK_FALSE(LogLevelSet{}.contains(level));
    }
    CHECK_FALSE(log_level_from_word("info").has_value());
    CHECK_FALSE(LogLevelSet::standard().contains(LogLevel::debug));
}
