// martlet: an MQTT broker. Arguments and configuration are checked here, the rest is Application's.
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/app/application.hpp"
#include "server/app/config_file.hpp"
#include "server/app/host.hpp"
#include "server/app/init_tool.hpp"
#include "server/security/passwd_tool.hpp"
#include "server/store/store_tool.hpp"

namespace {

using namespace martlet::app;

int complain(const std::string& text) {
    std::fprintf(stderr, "Error: %s\n", text.c_str());
    return 1;
}

// Errors go to stderr, all at once; true when there were none.
bool report(const ConfigResult& result) {
    for (const std::string& error : result.errors) {
        complain(error);
    }
    return result.is_ok();
}

int run(CommandLine command_line) {
    ConfigResult loaded = load_config(command_line.config_file, command_line.overrides);
    if (!report(loaded)) {
        return complain("the configuration has mistakes; nothing was started");
    }
    for (const std::string& notice : loaded.notices) {
        std::fprintf(stderr, "%s\n", notice.c_str());
    }
    if (command_line.action == Action::test_config) {
        std::fputs("The configuration is fine.\n", stdout);
        return 0;
    }
    if (loaded.config.daemonise) {
        if (const std::string error = daemonise(); !error.empty()) {
            return complain(error);
        }
    }
    tune_allocator();
    return Application(std::move(command_line), std::move(loaded.config)).run();
}

}  // namespace

int main(int argc, char** argv) try {
    const std::span<char* const> arguments(argv + 1,
                                           argc > 0 ? static_cast<std::size_t>(argc - 1) : 0);
    const std::vector<const char*> words(arguments.begin(), arguments.end());
    const std::string_view word = words.empty() ? std::string_view() : words.front();
    if (!words.empty()) {
        const std::vector<std::string_view> rest(words.begin() + 1, words.end());
        if (word == "store") {
            return martlet::store::run_store_tool(rest);
        }
        if (word == "passwd") {
            return martlet::security::run_passwd_tool(rest);
        }
        if (word == "init") {
            return run_init_tool(rest);
        }
    }
    const auto parsed = parse_command_line(words);
    if (const auto* error = std::get_if<CommandLineError>(&parsed)) {
        complain(error->text);
        std::fputs(usage_text().c_str(), stderr);
        return 1;
    }
    const auto& command_line = std::get<CommandLine>(parsed);
    if (command_line.action == Action::show_help) {
        std::fputs(usage_text().c_str(), stdout);
        return 0;
    }
    if (command_line.action == Action::show_version) {
        std::fputs(version_text().c_str(), stdout);
        return 0;
    }
    return run(command_line);
} catch (const std::exception& error) {
    return complain(error.what());
}
