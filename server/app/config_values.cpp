#include "server/app/config_values.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "server/app/printable.hpp"

namespace martlet::app {

namespace {

constexpr std::string_view blanks = " \t";
constexpr std::size_t quoted_length_max = 60;

ValueProblem problem(std::string_view what, std::string_view expected) {
    return {fmt::format("{}, expected {}", what, expected)};
}

std::string range_text(std::string_view what, NumberRange range) {
    return fmt::format("{} from {} to {}", what, range.min, range.max);
}

enum class NumberFailure : std::uint8_t { none, not_a_number, too_large };

struct ParsedNumber {
    std::uint64_t value = 0;
    NumberFailure failure = NumberFailure::none;
};

ParsedNumber parse_number(std::string_view digits) {
    ParsedNumber parsed;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, parsed.value);
    if (error == std::errc::result_out_of_range) {
        parsed.failure = NumberFailure::too_large;
    } else if (error != std::errc{} || stop != end) {
        parsed.failure = NumberFailure::not_a_number;
    }
    return parsed;
}

// Multiplies and says whether the product still fits.
bool try_scale(std::uint64_t& value, std::uint64_t factor) {
    return !__builtin_mul_overflow(value, factor, &value);
}

ValueResult<std::uint64_t> read_scaled(std::string_view word, std::uint64_t factor,
                                       NumberRange range, std::string_view expected) {
    ParsedNumber number = parse_number(word);
    if (number.failure == NumberFailure::not_a_number) {
        return problem(fmt::format("{} is not a whole number", in_quotes(word)), expected);
    }
    if (number.failure == NumberFailure::too_large || !try_scale(number.value, factor) ||
        number.value > range.max) {
        return problem(fmt::format("{} is too large", in_quotes(word)), expected);
    }
    if (number.value < range.min) {
        return problem(fmt::format("{} is too small", in_quotes(word)), expected);
    }
    return number.value;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string in_quotes(std::string_view text) {
    const bool is_long = text.size() > quoted_length_max;
    std::string printable;
    append_printable(printable, text.substr(0, quoted_length_max));
    return fmt::format("\"{}{}\"", printable, is_long ? "..." : "");
}

ValueResult<std::string_view> read_word(std::string_view value, std::string_view expected) {
    const std::size_t end = value.find_first_of(blanks);
    const std::string_view word = value.substr(0, end);
    if (word.empty() || word.starts_with('#')) {
        return problem("no value", expected);
    }
    if (end != std::string_view::npos) {
        const std::string_view rest = trimmed(value.substr(end));
        if (!rest.empty() && !rest.starts_with('#')) {
            return problem(fmt::format("{} behind the value", in_quotes(rest)), expected);
        }
    }
    return word;
}

ValueResult<bool> read_flag(std::string_view value) {
    constexpr std::string_view expected = "true or false";
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return *failed;
    }
    const std::string_view word = std::get<std::string_view>(read);
    if (word == "true" || word == "1") {
        return true;
    }
    if (word == "false" || word == "0") {
        return false;
    }
    return problem(fmt::format("{} is neither", in_quotes(word)), expected);
}

ValueResult<std::uint64_t> read_number(std::string_view value, NumberRange range) {
    const std::string expected = range_text("a whole number", range);
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return *failed;
    }
    return read_scaled(std::get<std::string_view>(read), 1, range, expected);
}

ValueResult<std::uint64_t> read_size(std::string_view value, NumberRange range) {
    const std::string expected = range_text("a number of bytes (or with K, M, G)", range);
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return *failed;
    }
    std::string_view word = std::get<std::string_view>(read);
    std::uint64_t factor = 1;
    switch (word.back()) {
        case 'K':
            factor = 1ULL << 10U;
            break;
        case 'M':
            factor = 1ULL << 20U;
            break;
        case 'G':
            factor = 1ULL << 30U;
            break;
        default:
            break;
    }
    if (factor != 1) {
        word.remove_suffix(1);
    }
    return read_scaled(word, factor, range, expected);
}

ValueResult<std::chrono::seconds> read_duration(std::string_view value) {
    constexpr std::string_view expected = "a number followed by h, d, w, m or y, such as 14d";
    // A session expiry interval has 32 bits on the wire; nothing longer can be meant.
    constexpr NumberRange range{.min = 1, .max = UINT32_MAX};
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return *failed;
    }
    const std::string_view word = std::get<std::string_view>(read);
    constexpr std::uint64_t hour = 3600;
    constexpr std::uint64_t day = 24 * hour;
    std::uint64_t unit = 0;
    switch (word.back()) {
        case 'h':
            unit = hour;
            break;
        case 'd':
            unit = day;
            break;
        case 'w':
            unit = 7 * day;
            break;
        case 'm':
            unit = 30 * day;
            break;
        case 'y':
            unit = 365 * day;
            break;
        default:
            return problem(fmt::format("{} has no unit", in_quotes(word)), expected);
    }
    const ValueResult<std::uint64_t> seconds =
        read_scaled(word.substr(0, word.size() - 1), unit, range, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&seconds)) {
        return *failed;
    }
    return std::chrono::seconds{std::get<std::uint64_t>(seconds)};
}

ValueResult<std::string> read_text(std::string_view value) {
    if (value.empty()) {
        return ValueProblem{"no value, expected one behind the key"};
    }
    for (const char character : value) {
        if (is_control(character)) {
            return problem(fmt::format("{} holds a control character", in_quotes(value)),
                           "printable text");
        }
    }
    return std::string{value};
}

}  // namespace martlet::app
