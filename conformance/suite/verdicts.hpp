// What a run says about each statement, put together from what its tests say.
//
// Ownership: values that borrow statements and tests. Threading: immutable.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/suite/registry.hpp"
#include "conformance/suite/statements.hpp"

namespace martlet::conformance {

struct TestResult {
    const Test* test = nullptr;
    enum class Outcome { passed, failed, skipped } outcome = Outcome::passed;
    std::string why{};                      // skipped
    std::vector<std::string> failures{};    // one for each form that failed
    std::vector<std::string> transcript{};  // what was said, when it failed
    std::chrono::milliseconds took{};
};

enum class Verdict {
    passed,
    failed,
    known_failure,    // failed, and is in the list of known failures
    unexpected_pass,  // passed, and is in that list
    skipped,          // about something that this broker does not offer
    duty,
    unobservable,
    none,  // should have a test and has none, or has one and should not: the suite is wrong
};

struct StatementResult {
    const Statement* statement = nullptr;
    Verdict verdict = Verdict::none;
    std::vector<const TestResult*> tests{};
};

// By id; true: it fails sometimes only, and may pass.
using KnownFailures = std::map<std::string, bool, std::less<>>;

// Statements that no result is about are left out, unless `is_whole`: then each has its verdict.
std::vector<StatementResult> judge(Version version, const std::vector<TestResult>& results,
                                   const KnownFailures& known, bool is_whole);

[[nodiscard]] bool is_good(Verdict verdict);
[[nodiscard]] const char* to_text(Verdict verdict);

}  // namespace martlet::conformance
