#include "conformance/suite/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace martlet::conformance {

const char* const usage =
    R"(Usage: martlet-conformance HOST PORT [OPTIONS]

Checks the MQTT broker at HOST:PORT statement by statement and says which ones hold.

  --version 3.1.1|5.0   whose statements (default 3.1.1)
  --filter TEXT         only tests whose name or one of whose ids contains TEXT; may be repeated
  --known FILE          statements that fail: they do not fail the run, but passing does
  --json                the result as one JSON object
  --list                the tests and what they prove, without running them
  --user NAME           with --password TEXT: the credentials of all clients
  --tls                 speak TLS; --cafile FILE: and check the broker's certificate
  --jobs N              tests at a time (default 24)
  --patience SECONDS    how long an answer may take (default 8)
  --until-failure       stop at the first test that fails

Exit status: 0 when every statement holds or is excused, 1 when one does not, 2 for bad usage.
)";

namespace {

unsigned to_unsigned(const std::string& option, const std::string& text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0) {
        throw std::runtime_error(fmt::format("{}: {} is not a positive number", option, text));
    }
    return value;
}

Version to_version(const std::string& text) {
    if (text == "3.1.1" || text == "311" || text == "4") {
        return Version::v311;
    }
    if (text == "5.0" || text == "5") {
        return Version::v5;
    }
    throw std::runtime_error(fmt::format("--version: {} is neither 3.1.1 nor 5.0", text));
}

bool take_switch(const std::string& word, Options& options) {
    if (word == "--json") {
        options.json = true;
    } else if (word == "--list") {
        options.list = true;
    } else if (word == "--tls") {
        options.target.tls = true;
    } else if (word == "--until-failure") {
        options.run.until_failure = true;
    } else if (word == "--help") {
        options.help = true;
    } else {
        return false;
    }
    return true;
}

void take_value(const std::string& word, const std::string& value, Options& options) {
    if (word == "--version") {
        options.target.version = to_version(value);
    } else if (word == "--filter") {
        options.filters.push_back(value);
    } else if (word == "--known") {
        options.known_file = value;
    } else if (word == "--user") {
        options.target.user = value;
    } else if (word == "--password") {
        options.target.password = value;
    } else if (word == "--cafile") {
        options.target.ca_file = value;
    } else if (word == "--jobs") {
        options.run.threads = to_unsigned(word, value);
    } else if (word == "--patience") {
        options.target.patience = std::chrono::seconds{to_unsigned(word, value)};
    } else {
        throw std::runtime_error(fmt::format("there is no option {}", word));
    }
}

}  // namespace

Options parse_options(std::span<char* const> arguments) {
    Options options;
    std::vector<std::string> places;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string word = arguments[i];
        if (!word.starts_with("--")) {
            places.push_back(word);
        } else if (!take_switch(word, options)) {
            if (i + 1 == arguments.size()) {
                throw std::runtime_error(fmt::format("{} needs a value, or does not exist", word));
            }
            take_value(word, arguments[++i], options);
        }
    }
    if (places.size() == 2) {
        options.target.host = places[0];
        options.target.port = places[1];
    } else if (!options.list && !options.help) {
        throw std::runtime_error("HOST and PORT are needed");
    }
    return options;
}

bool is_chosen(const Test& test, const Options& options) {
    const auto contains = [&](std::string_view text) {
        return std::ranges::any_of(options.filters, [&](const std::string& filter) {
            return text.find(filter) != std::string_view::npos;
        });
    };
    return options.filters.empty() || contains(test.name) ||
           std::ranges::any_of(test.ids(options.target.version), contains);
}

KnownFailures read_known_failures(const std::string& path, Version version) {
    std::ifstream file{path};
    if (!file) {
        throw std::runtime_error(fmt::format("cannot read {}", path));
    }
    KnownFailures known;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line};
        std::string of;
        std::string id;
        std::string when;
        if (line.starts_with('#') || !(words >> of >> id)) {
            continue;
        }
        words >> when;
        if (to_version(of) == version) {
            known[id] = when == "sometimes";
        }
    }
    return known;
}

}  // namespace martlet::conformance
