#include "server/app/config_paths.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace martlet::app {

namespace {

constexpr std::string_view credentials = "$CREDENTIALS_DIRECTORY/";

// What to look up and what stands behind it; an empty name: the path has no variable.
struct VariablePath {
    std::string name;
    std::string_view rest;
};

VariablePath split(std::string_view path) {
    if (path.starts_with(credentials)) {
        return {std::string(credentials.substr(1, credentials.size() - 2)),
                path.substr(credentials.size() - 1)};
    }
    const std::size_t end = path.find("}/");
    if (path.starts_with("${") && end != std::string_view::npos && end > 2) {
        return {std::string(path.substr(2, end - 2)), path.substr(end + 1)};
    }
    return {};
}

}  // namespace

ValueResult<std::string> read_path(std::string_view value) {
    auto read = read_text(value);
    if (std::holds_alternative<ValueProblem>(read)) {
        return read;
    }
    const std::string& text = std::get<std::string>(read);
    const VariablePath path = split(text);
    if (path.name.empty()) {
        return read;
    }
    const char* const found = std::getenv(path.name.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (found == nullptr || *found == '\0') {
        return ValueProblem{fmt::format("there is no {} in the environment, expected a directory",
                                        in_quotes(path.name))};
    }
    return std::string(found) + std::string(path.rest);
}

}  // namespace martlet::app
