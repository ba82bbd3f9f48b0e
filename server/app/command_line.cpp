#include "server/app/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "server/app/config_values.hpp"
#include "server/app/nearest_word.hpp"

namespace martlet::app {

namespace {

using Problem = std::optional<std::string>;

struct Option {
    std::string_view short_name;  // empty: none
    std::string_view long_name;
    std::string_view value;  // what follows the option; empty: nothing
    std::string_view help;
    Problem (*apply)(CommandLine& line, std::string_view value);
};

Problem set_config_file(CommandLine& line, std::string_view value) {
    if (!line.config_file.empty()) {
        return "a second configuration file; one can be given, it may include others";
    }
    if (value.empty()) {
        return "an empty name, expected a configuration file";
    }
    line.config_file = value;
    return std::nullopt;
}

Problem add_port(CommandLine& line, std::string_view value) {
    const auto port = read_number(value, {.min = 1, .max = 65'535});
    if (const auto* failed = std::get_if<ValueProblem>(&port)) {
        return failed->text;
    }
    std::vector<std::uint16_t>& ports = line.overrides.ports;
    const auto number = static_cast<std::uint16_t>(std::get<std::uint64_t>(port));
    if (std::find(ports.begin(), ports.end(), number) != ports.end()) {
        return fmt::format("port {} a second time, expected ports that differ", number);
    }
    ports.push_back(number);
    return std::nullopt;
}

template <auto Member>
Problem switch_on(CommandLine& line, std::string_view /*value*/) {
    line.overrides.*Member = true;
    return std::nullopt;
}

// Help and version win over the rest, whatever the order: who asks wants to read, not to run.
template <Action Wanted>
Problem set_action(CommandLine& line, std::string_view /*value*/) {
    line.action = std::max(line.action, Wanted);
    return std::nullopt;
}

constexpr auto options = std::to_array<Option>({
    {"-c", "--config-file", "FILE", "read the configuration from FILE", set_config_file},
    {"-d", "--daemon", "", "run in the background", switch_on<&ConfigOverrides::daemonise>},
    {"-p", "--port", "PORT", "listen on PORT of this machine only; may be repeated;", add_port},
    {"-q", "--quiet", "", "log nothing", switch_on<&ConfigOverrides::is_quiet>},
    {"", "--test-config", "", "check the configuration, say what is wrong, and exit",
     set_action<Action::test_config>},
    {"-v", "--verbose", "", "log everything", switch_on<&ConfigOverrides::is_verbose>},
    {"-h", "--help", "", "show this", set_action<Action::show_help>},
    {"", "--version", "", "show the version", set_action<Action::show_version>},
});

// Splits "--name=value".
struct Argument {
    std::string_view name;
    std::optional<std::string_view> value;
};

Argument split(std::string_view text) {
    const std::size_t equals = text.starts_with("--") ? text.find('=') : std::string_view::npos;
    if (equals == std::string_view::npos) {
        return {text, std::nullopt};
    }
    return {text.substr(0, equals), text.substr(equals + 1)};
}

const Option* find_option(std::string_view name) {
    const auto* found = std::find_if(options.begin(), options.end(), [&](const Option& option) {
        return !name.empty() && (option.short_name == name || option.long_name == name);
    });
    return found == options.end() ? nullptr : found;
}

CommandLineError unknown(std::string_view name) {
    std::array<std::string_view, options.size()> names;
    std::transform(options.begin(), options.end(), names.begin(),
                   [](const Option& option) { return option.long_name; });
    const std::string_view nearest = nearest_word(name, names);
    return {nearest.empty()
                ? fmt::format("unknown option {}", in_quotes(name))
                : fmt::format("unknown option {}, did you mean {}?", in_quotes(name), nearest)};
}

}  // namespace

std::variant<CommandLine, CommandLineError> parse_command_line(
    std::span<const char* const> arguments) {
    CommandLine line;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        Argument argument = split(arguments[i]);
        const Option* option = find_option(argument.name);
        if (option == nullptr) {
            return unknown(argument.name);
        }
        if (option->value.empty() && argument.value) {
            return CommandLineError{fmt::format("{}: takes no value", argument.name)};
        }
        if (!option->value.empty() && !argument.value) {
            if (i + 1 == arguments.size()) {
                return CommandLineError{
                    fmt::format("{}: no value, expected {}", argument.name, option->value)};
            }
            argument.value = arguments[++i];
        }
        if (const Problem problem = option->apply(line, argument.value.value_or(""))) {
            return CommandLineError{fmt::format("{}: {}", argument.name, *problem)};
        }
    }
    return line;
}

std::string usage_text() {
    std::string text = version_text();
    text +=
        "\nAn MQTT broker for versions 5.0, 3.1.1 and 3.1; reads mosquitto.conf.\n"
        "\nUsage: martlet [-c FILE] [-p PORT]... [-v | -q] [-d] [--test-config]\n"
        "       martlet store info | check | backup | repair DIR ...\n"
        "       martlet init [--host NAME]... [--user NAME] [--data DIR] DIR\n"
        "       martlet passwd [-c] [-b] [-D] [-U] FILE USER ...\n\n";
    for (const Option& option : options) {
        const std::string name =
            fmt::format("{:2}{} {}{}{}", option.short_name, option.short_name.empty() ? " " : ",",
                        option.long_name, option.value.empty() ? "" : " ", option.value);
        text += fmt::format("  {:24}  {}\n", name, option.help);
        if (option.long_name == "--port") {
            text += fmt::format("  {:24}  no effect if FILE has a listener\n", "");
        }
    }
    text += "\nWithout FILE it listens on port 1883 of this machine only and lets anybody in.\n";
    return text;
}

std::string version_text() {
    return "martlet version " MARTLET_VERSION "\n";
}

}  // namespace martlet::app
