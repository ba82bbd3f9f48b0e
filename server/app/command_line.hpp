// The words behind `martlet` on the command line; mosquitto's options mean the same here.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "server/app/config_file.hpp"

namespace martlet::app {

enum class Action : std::uint8_t { run, test_config, show_help, show_version };

struct CommandLine {
    Action action = Action::run;
    std::string config_file{};  // empty: none
    ConfigOverrides overrides{};
};

// One sentence for stderr; the usage is worth showing after it.
struct CommandLineError {
    std::string text;
};

// `arguments` without the program's name.
std::variant<CommandLine, CommandLineError> parse_command_line(
    std::span<const char* const> arguments);

std::string usage_text();
std::string version_text();

}  // namespace martlet::app
