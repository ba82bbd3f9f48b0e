#include "conformance/suite/verdicts.hpp"

#include <algorithm>

namespace martlet::conformance {

namespace {

Verdict verdict_of_tests(const std::vector<const TestResult*>& tests) {
    using Outcome = TestResult::Outcome;
    if (tests.empty()) {
        return Verdict::none;
    }
    const auto has = [&](Outcome outcome) {
        return std::ranges::find(tests, outcome, &TestResult::outcome) != tests.end();
    };
    if (has(Outcome::failed)) {
        return Verdict::failed;
    }
    return has(Outcome::passed) ? Verdict::passed : Verdict::skipped;
}

Verdict verdict_of(const StatementResult& result, const KnownFailures& all_known) {
    if (result.statement->kind != Kind::tested) {
        if (!result.tests.empty()) {
            return Verdict::none;
        }
        return result.statement->kind == Kind::duty ? Verdict::duty : Verdict::unobservable;
    }
    const auto verdict = verdict_of_tests(result.tests);
    const auto known = all_known.find(result.statement->id);
    if (known == all_known.end()) {
        return verdict;
    }
    const bool may_pass = known->second;
    if (verdict == Verdict::failed) {
        return Verdict::known_failure;
    }
    return verdict == Verdict::passed && !may_pass ? Verdict::unexpected_pass : verdict;
}

}  // namespace

std::vector<StatementResult> judge(Version version, const std::vector<TestResult>& results,
                                   const KnownFailures& known, bool is_whole) {
    std::vector<StatementResult> judged;
    for (const auto& statement : statements(version)) {
        StatementResult one{.statement = &statement};
        for (const auto& result : results) {
            const auto& ids = result.test->ids(version);
            if (std::ranges::find(ids, statement.id) != ids.end()) {
                one.tests.push_back(&result);
            }
        }
        if (is_whole || !one.tests.empty()) {
            one.verdict = verdict_of(one, known);
            judged.push_back(std::move(one));
        }
    }
    return judged;
}

bool is_good(Verdict verdict) {
    return verdict != Verdict::failed && verdict != Verdict::unexpected_pass &&
           verdict != Verdict::none;
}

const char* to_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::passed:
            return "passed";
        case Verdict::failed:
            return "FAILED";
        case Verdict::known_failure:
            return "failed as known";
        case Verdict::unexpected_pass:
            return "PASSED BUT LISTED";
        case Verdict::skipped:
            return "not offered";
        case Verdict::duty:
            return "client's duty";
        case Verdict::unobservable:
            return "not observable";
        case Verdict::none:
            return "NO VERDICT";
    }
    return "";
}

}  // namespace martlet::conformance
