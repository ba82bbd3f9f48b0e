// The log: what happens, one line each, to where the configuration says. There is no global one;
// whoever has something to say is given a reference.
//
// Messages are written as mosquitto words them, without a line end; "Error: " and "Warning: " are
// put before those levels here. Text that clients chose may be in a message as it is.
//
// Ownership: owns its writer and so its thread; make it after the process has forked (-d).
// Threading: shared, internally synchronised; no call waits for a disk or a terminal.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/app/log_line.hpp"
#include "server/app/log_writer.hpp"

namespace martlet::app {

class Logger {
public:
    using WallClock = std::chrono::system_clock::time_point (*)();

    // Throws std::runtime_error with a sentence for the operator if the log file cannot be opened.
    explicit Logger(const LogConfig& config);
    Logger(const LogConfig& config, WallClock clock);

    // Whether lines of this level are written at all; for callers whose arguments cost something.
    [[nodiscard]] bool wants(LogLevel level) const noexcept {
        return ((levels_.load(std::memory_order_relaxed) >> static_cast<unsigned>(level)) & 1U) !=
               0;
    }

    template <class... Args>
    void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
        if (wants(level)) {
            write(level, fmt::format(format, std::forward<Args>(args)...), {});
        }
    }

    void write(LogLevel level, std::string_view message, const LogFieldsView& fields);

    // Takes over a new configuration, or (SIGHUP, after the file was moved away) the same one
    // again: the file is opened anew. Answers with what went wrong, the log then goes on as before.
    [[nodiscard]] std::optional<std::string> reconfigure(const LogConfig& config);
    [[nodiscard]] std::optional<std::string> reopen();

    // Waits until everything so far is written; false if that took longer than `timeout`.
    [[nodiscard]] bool flush(std::chrono::milliseconds timeout) { return writer_.flush(timeout); }

    [[nodiscard]] std::uint64_t dropped_lines() const { return writer_.dropped_lines(); }

private:
    [[nodiscard]] std::shared_ptr<const LogConfig> config() const;
    [[nodiscard]] LogLine describe_drop(std::uint64_t count) const;

    const WallClock clock_;
    std::atomic<unsigned> levels_;
    mutable std::mutex mutex_;  // guards config_
    std::shared_ptr<const LogConfig> config_;
    LogWriter writer_;  // last: its thread uses the rest
};

}  // namespace martlet::app
