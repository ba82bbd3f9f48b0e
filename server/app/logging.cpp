#include "server/app/logging.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "server/app/config_values.hpp"

namespace martlet::app {

namespace {

// Only the owner may read what clients call themselves, as with mosquitto's log.
constexpr mode_t log_file_mode = S_IRUSR | S_IWUSR;

int facility(const LogConfig& config) {
    constexpr std::array local{LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                               LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
    return config.syslog_facility < 0 ? LOG_DAEMON
                                      : local.at(static_cast<std::size_t>(config.syslog_facility));
}

struct OpenedTargets {
    LogTargets targets;
    std::string problem;
};

OpenedTargets open_targets(const LogConfig& config) {
    OpenedTargets opened;
    LogTargets& targets = opened.targets;
    if (!config.file.empty()) {
        targets.file = FileDescriptor{open(config.file.c_str(),
                                           O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
                                           log_file_mode)};
        if (!targets.file.is_open()) {
            opened.problem = fmt::format("cannot open the log file {} ({})", in_quotes(config.file),
                                         std::generic_category().message(errno));
        }
    }
    if (config.to_stdout) {
        targets.streams.push_back(STDOUT_FILENO);
    }
    if (config.to_stderr) {
        targets.streams.push_back(STDERR_FILENO);
    }
    targets.to_syslog = config.to_syslog;
    targets.syslog_facility = facility(config);
    return opened;
}

LogTargets open_or_throw(const LogConfig& config) {
    OpenedTargets opened = open_targets(config);
    if (!opened.problem.empty()) {
        throw std::runtime_error{opened.problem};
    }
    return std::move(opened.targets);
}

unsigned level_bits(const LogConfig& config) {
    unsigned bits = 0;
    for (unsigned level = 0; level < log_level_count; ++level) {
        bits |= config.levels.contains(static_cast<LogLevel>(level)) ? 1U << level : 0U;
    }
    return bits;
}

}  // namespace

Logger::Logger(const LogConfig& config) : Logger{config, std::chrono::system_clock::now} {
}

Logger::Logger(const LogConfig& config, WallClock clock)
    : clock_{clock},
      levels_{level_bits(config)},
      config_{std::make_shared<const LogConfig>(config)},
      writer_{open_or_throw(config),
              {.describe_drop = [this](std::uint64_t count) { return describe_drop(count); }}} {
}

void Logger::write(LogLevel level, std::string_view message, const LogFieldsView& fields) {
    if (!wants(level)) {
        return;
    }
    writer_.push(make_log_line(
        *config(), {.time = clock_(), .level = level, .message = message, .fields = fields}));
}

std::optional<std::string> Logger::reconfigure(const LogConfig& config) {
    OpenedTargets opened = open_targets(config);
    if (!opened.problem.empty()) {
        return opened.problem;
    }
    {
        auto next = std::make_shared<const LogConfig>(config);
        const std::lock_guard lock{mutex_};
        config_.swap(next);
    }
    levels_.store(level_bits(config), std::memory_order_relaxed);
    writer_.set_targets(std::move(opened.targets));
    return std::nullopt;
}

std::optional<std::string> Logger::reopen() {
    return reconfigure(*config());
}

std::shared_ptr<const LogConfig> Logger::config() const {
    const std::lock_guard lock{mutex_};
    return config_;
}

LogLine Logger::describe_drop(std::uint64_t count) const {
    const std::string message = fmt::format(
        "{} log lines are missing here: they came faster than they could be written.", count);
    return make_log_line(
        *config(),
        {.time = clock_(), .level = LogLevel::warning, .message = message, .fields = {}});
}

}  // namespace martlet::app
