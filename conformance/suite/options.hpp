// The command line.
//
// Ownership: values. Threading: immutable.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "conformance/suite/runner.hpp"
#include "conformance/suite/target.hpp"
#include "conformance/suite/verdicts.hpp"

namespace martlet::conformance {

struct Options {
    Target target{};
    std::vector<std::string> filters{};  // parts of ids or of tests' names
    std::string known_file{};
    bool json = false;
    bool list = false;
    bool help = false;
    RunOptions run{};
};

extern const char* const usage;

// Throws std::runtime_error that says what is wrong.
Options parse_options(std::span<char* const> arguments);
[[nodiscard]] bool is_chosen(const Test& test, const Options& options);
// Lines of version, id, "always" or "sometimes", and anything else; '#' begins a comment.
KnownFailures read_known_failures(const std::string& path, Version version);

}  // namespace martlet::conformance
