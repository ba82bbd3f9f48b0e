// Reads the values of a mosquitto.conf: true and false, numbers, sizes, durations, words, text.
// Threading: pure functions.
//
// Each answers with the value or with a problem in the form "what was wrong, what was expected",
// ready to follow "FILE:LINE: KEY: ".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace martlet::app {

struct ValueProblem {
    std::string text;
};

template <class T>
using ValueResult = std::variant<T, ValueProblem>;

struct NumberRange {
    std::uint64_t min = 0;
    std::uint64_t max = UINT64_MAX;
};

// `value` is everything behind the key, blanks trimmed. One word is taken; a '#' behind it begins a
// comment, anything else there is a problem (mosquitto would ignore it).
ValueResult<std::string_view> read_word(std::string_view value, std::string_view expected);

// true, false, 1 or 0.
ValueResult<bool> read_flag(std::string_view value);

ValueResult<std::uint64_t> read_number(std::string_view value, NumberRange range);

// A number of bytes, with K, M or G behind it for powers of 1024.
ValueResult<std::uint64_t> read_size(std::string_view value, NumberRange range);

// A number and one of h d w m y; a month has 30 days, a year 365, as in mosquitto.
ValueResult<std::chrono::seconds> read_duration(std::string_view value);

// The whole rest of the line, '#' included: paths may hold blanks.
ValueResult<std::string> read_text(std::string_view value);

// Quotes `text` for a message: control characters escaped, shortened when very long.
std::string in_quotes(std::string_view text);

std::string_view trimmed(std::string_view text);

}  // namespace martlet::app
