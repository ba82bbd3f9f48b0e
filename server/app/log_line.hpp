// How one event becomes one line of the log. Threading: pure functions.
//
// A line is one line whatever the event holds: client identifiers, topics and user names come from
// outside, and every control character in them is escaped.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "server/app/config.hpp"

namespace martlet::app {

// What an event is about, for the fields of a JSON line; a text line has them in its message, in
// mosquitto's wording. Empty: not known.
struct LogFieldsView {
    std::string_view client_id{};
    std::string_view peer{};  // "127.0.0.1:50000"
    std::string_view user_name{};
    std::string_view reason{};
};

struct LogEventView {
    std::chrono::system_clock::time_point time;
    LogLevel level{};
    std::string_view message;
    LogFieldsView fields;
};

struct LogLine {
    LogLevel level{};
    std::string text{};              // with its line end
    std::size_t message_offset = 0;  // where the message begins, behind the time
};

// Bytes of a message that are kept; the rest becomes "...".
inline constexpr std::size_t log_message_bytes_max = 4096;

LogLine make_log_line(const LogConfig& config, const LogEventView& event);

}  // namespace martlet::app
