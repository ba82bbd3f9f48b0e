// The kinds of log lines, and sets of them. The words are those of mosquitto's `log_type`.
// Threading: immutable.
//
// They are levels and topics at once: error to debug say how much a line matters, the rest name a
// subject that is off unless asked for. A set, not a threshold, decides what is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace martlet::app {

enum class LogLevel : std::uint8_t {
    error,
    warning,
    notice,
    information,
    debug,
    subscribe,
    unsubscribe,
    websockets,
    internal,
};

inline constexpr int log_level_count = 9;

// The word used in `log_type`, e.g. "information".
std::string_view to_string(LogLevel level);

std::optional<LogLevel> log_level_from_word(std::string_view word);

class LogLevelSet {
public:
    // What mosquitto writes unless told otherwise: error, warning, notice, information.
    static constexpr LogLevelSet standard() {
        return LogLevelSet{}
            .with(LogLevel::error)
            .with(LogLevel::warning)
            .with(LogLevel::notice)
            .with(LogLevel::information);
    }
    static constexpr LogLevelSet all() {
        LogLevelSet set;
        set.bits_ = (1U << static_cast<unsigned>(log_level_count)) - 1U;
        return set;
    }

    constexpr LogLevelSet() = default;

    [[nodiscard]] constexpr LogLevelSet with(LogLevel level) const {
        LogLevelSet set = *this;
        set.bits_ |= bit(level);
        return set;
    }
    [[nodiscard]] constexpr bool contains(LogLevel level) const {
        return (bits_ & bit(level)) != 0;
    }

    constexpr bool operator==(const LogLevelSet&) const = default;

private:
    static constexpr unsigned bit(LogLevel level) { return 1U << static_cast<unsigned>(level); }

    unsigned bits_ = 0;
};

}  // namespace martlet::app
