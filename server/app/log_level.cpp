#include "server/app/log_level.hpp"

#include <array>
#include <cstddef>

namespace martlet::app {

namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, log_level_count> words{
    "error",     "warning",     "notice",     "information", "debug",
    "subscribe", "unsubscribe", "websockets", "internal",
};

}  // namespace

std::string_view to_string(LogLevel level) {
    return words[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> log_level_from_word(std::string_view word) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == word) {
            return static_cast<LogLevel>(i);
        }
    }
    return std::nullopt;
}

}  // namespace martlet::app
