// Runs tests side by side: most of a test's time is waiting for the broker.
//
// Ownership: borrows the target and the tests. Threading: run() is called once and joins all its
// threads; each test runs whole in one of them.
#pragma once

#include <vector>

#include "conformance/suite/registry.hpp"
#include "conformance/suite/verdicts.hpp"

namespace martlet::conformance {

struct RunOptions {
    unsigned threads = 24;
    bool until_failure = false;  // begin no further test after the first that fails
};

std::vector<TestResult> run_tests(const Target& target, const std::vector<const Test*>& tests,
                                  const RunOptions& options);

}  // namespace martlet::conformance
