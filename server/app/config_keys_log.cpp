// The keys of the log.
#include <array>

#include "server/app/config_setters.hpp"

namespace martlet::app {

namespace {

KeyProblem add_log_file(ConfigDraft& draft, std::string_view path) {
    if (path.empty()) {
        return "no path, expected file PATH";
    }
    if (!draft.config.log.file.empty()) {
        return "a second file, expected one at most";
    }
    return set_text<&LogConfig::file>(draft, path);
}

KeyProblem add_log_dest(ConfigDraft& draft, std::string_view value) {
    LogConfig& log = draft.config.log;
    enum : std::uint8_t { none, to_stderr, to_stdout, to_syslog };
    static constexpr std::array choices{
        WordChoice{"stderr", to_stderr}, WordChoice{"stdout", to_stdout},
        WordChoice{"syslog", to_syslog}, WordChoice{"file PATH", none},
        WordChoice{"none", none},
    };
    if (!draft.is_log_dest_given || is_word(value, "none")) {
        log.to_stderr = log.to_stdout = log.to_syslog = false;
        log.file.clear();
    }
    draft.is_log_dest_given = true;
    if (is_word(value, "file")) {
        return add_log_file(draft, trimmed(value.substr(4)));
    }
    if (is_word(value, "topic") || is_word(value, "dlt")) {
        return fmt::format(
            "{} is not supported, expected stderr, stdout, syslog, file PATH or none",
            in_quotes(value));
    }
    return choose_word(value, choices, [&](int choice) {
        log.to_stderr = log.to_stderr || choice == to_stderr;
        log.to_stdout = log.to_stdout || choice == to_stdout;
        log.to_syslog = log.to_syslog || choice == to_syslog;
    });
}

KeyProblem add_log_type(ConfigDraft& draft, std::string_view value) {
    constexpr std::string_view expected =
        "error, warning, notice, information, debug, subscribe, unsubscribe, websockets, all or "
        "none";
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return failed->text;
    }
    LogLevelSet& levels = draft.config.log.levels;
    const std::string_view word = std::get<std::string_view>(read);
    const std::optional<LogLevel> level = log_level_from_word(word);
    if (!level && word != "all" && word != "none") {
        return fmt::format("{} is not known, expected {}", in_quotes(word), expected);
    }
    if (!draft.is_log_type_given || word == "none") {
        levels = {};
    }
    draft.is_log_type_given = true;
    if (level) {
        levels = levels.with(*level);
    } else if (word == "all") {
        levels = LogLevelSet::all();
    }
    return std::nullopt;
}

KeyProblem set_log_format(ConfigDraft& draft, std::string_view value) {
    static constexpr std::array choices{WordChoice{"text", 0}, WordChoice{"json", 1}};
    return choose_word(value, choices, [&](int json) { draft.config.log.json = json != 0; });
}

KeyProblem set_timestamp_format(ConfigDraft& draft, std::string_view value) {
    KeyProblem problem = set_text<&LogConfig::timestamp_format>(draft, value);
    if (value == "epoch") {
        draft.config.log.timestamp_format.clear();
    }
    return problem;
}

constexpr KeyScope whole_file = KeyScope::file;
constexpr bool single = true;

// In alphabetical order.
constexpr auto rows = std::to_array<ConfigKey>({
    {"connection_messages", whole_file, set_flag<&LogConfig::connection_messages>},
    {"log_dest", whole_file, add_log_dest},
    {"log_facility", whole_file, set_number<&LogConfig::syslog_facility, 0, 7>},
    {"log_format", whole_file, set_log_format},
    {"log_timestamp", whole_file, set_flag<&LogConfig::timestamp>},
    {"log_timestamp_format", whole_file, set_timestamp_format, single},
    {"log_type", whole_file, add_log_type},
});

}  // namespace

std::span<const ConfigKey> log_keys() {
    return rows;
}

}  // namespace martlet::app
