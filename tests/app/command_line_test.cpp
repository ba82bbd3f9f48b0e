#include "server/app/command_line.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace martlet::app;

namespace {

std::variant<CommandLine, CommandLineError> parse(const std::vector<const char*>& arguments) {
    return parse_command_line(arguments);
}

CommandLine good(const std::vector<const char*>& arguments) {
    auto result = parse(arguments);
    if (const auto* error = std::get_if<CommandLineError>(&result)) {
        FAIL_CHECK(error->text);
        return {};
    }
    return std::get<CommandLine>(result);
}

std::string bad(const std::vector<const char*>& arguments) {
    const auto result = parse(arguments);
    const auto* error = std::get_if<CommandLineError>(&result);
    return error == nullptr ? "" : error->text;
}

}  // namespace

TEST_CASE("command line: nothing at all runs with the defaults") {
    const CommandLine line = good({});
    CHECK(line.action == Action::run);
    CHECK(line.config_file.empty());
    CHECK(line.overrides.ports.empty());
    CHECK_FALSE(line.overrides.is_verbose);
}

TEST_CASE("command line: mosquitto's options are understood in both spellings") {
    const CommandLine brief = good({"-c", "a.conf", "-p", "1", "-p", "2", "-v", "-d", "-q"});
    CHECK(brief.config_file == "a.conf");
    CHECK(brief.overrides.ports == std::vector<std::uint16_t>{1, 2});
    CHECK(brief.overrides.is_verbose);
    CHECK(brief.overrides.daemonise);
    CHECK(brief.overrides.is_quiet);
    const CommandLine wordy =
        good({"--config-file", "a.conf", "--port=3", "--verbose", "--daemon", "--quiet"});
    CHECK(wordy.config_file == "a.conf");
    CHECK(wordy.overrides.ports == std::vector<std::uint16_t>{3});
    CHECK(wordy.overrides.is_verbose);
    CHECK(wordy.overrides.daemonise);
    CHECK(wordy.overrides.is_quiet);
}

TEST_CASE("command line: help and version win over running") {
    CHECK(good({"--test-config"}).action == Action::test_config);
    CHECK(good({"-h", "--test-config"}).action == Action::show_help);
    CHECK(good({"--help"}).action == Action::show_help);
    CHECK(good({"--version", "-v"}).action == Action::show_version);
}

TEST_CASE("command line: what is wrong is named") {
    CHECK(bad({"-c"}) == "-c: no value, expected FILE");
    CHECK(bad({"-c", ""}) == "-c: an empty name, expected a configuration file");
    CHECK(bad({"-c", "a", "-c", "b"}).starts_with("-c: a second configuration file"));
    CHECK(bad({"-p", "0"}) == "-p: \"0\" is too small, expected a whole number from 1 to 65535");
    CHECK(bad({"-p", "x"}).find("is not a whole number") != std::string::npos);
    CHECK(bad({"-p", "1", "-p", "1"}) == "-p: port 1 a second time, expected ports that differ");
    CHECK(bad({"--quiet=yes"}) == "--quiet: takes no value");
    CHECK(bad({"--verbos"}) == "unknown option \"--verbos\", did you mean --verbose?");
    CHECK(bad({"-x"}) == "unknown option \"-x\"");
    CHECK(bad({"file.conf"}) == "unknown option \"file.conf\"");
    CHECK(bad({""}) == "unknown option \"\"");
}

TEST_CASE("command line: the usage names every option") {
    const std::string usage = usage_text();
    for (const char* name : {"-c, --config-file FILE", "-p, --port PORT", "-v, --verbose",
                             "-q, --quiet", "-d, --daemon", "--test-config", "--version"}) {
        CAPTURE(name);
        CHECK(usage.find(name) != std::string::npos);
    }
    CHECK(version_text() == "martlet version " MARTLET_VERSION "\n");
}
