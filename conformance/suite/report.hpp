// The result for people (a line for each statement, the story of each failure, a table of all
// statements) and for programs (JSON).
//
// Ownership: borrows the results. Threading: immutable.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "conformance/suite/verdicts.hpp"

namespace martlet::conformance {

struct Report {
    Version version = Version::v311;
    const std::vector<TestResult>& tests;
    const std::vector<StatementResult>& statements;
    std::chrono::milliseconds took{};
};

[[nodiscard]] std::string to_lines(const Report& report);
[[nodiscard]] std::string to_json(const Report& report);
[[nodiscard]] std::string list_tests(const std::vector<const Test*>& tests, Version version);

}  // namespace martlet::conformance
