#include "conformance/suite/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <random>
#include <thread>

namespace martlet::conformance {

namespace {

// Letters and digits that tell this run's names from those of other runs against the same broker.
std::string make_nonce() {
    std::random_device device;
    std::string nonce;
    for (int i = 0; i < 4; ++i) {
        nonce += static_cast<char>('a' + device() % 26);
    }
    return nonce;
}

TestResult run_one(const Target& target, const Test& test, const std::string& prefix) {
    TestResult result{.test = &test};
    const auto start = Clock::now();
    Trial trial{target, prefix};
    try {
        test.run(trial);
    } catch (const Failure& failure) {
        trial.add_failure(failure.what);
    } catch (const Skipped& skipped) {
        result.outcome = TestResult::Outcome::skipped;
        result.why = skipped.why;
    } catch (const std::exception& error) {
        trial.add_failure(error.what());
    }
    result.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
    if (!trial.failures().empty()) {
        result.outcome = TestResult::Outcome::failed;
        result.failures = trial.failures();
        result.transcript.assign(trial.transcript().begin(), trial.transcript().end());
    }
    try {
        trial.clean_up();
    } catch (const Failure&) {         // NOLINT(bugprone-empty-catch): the verdict stands
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    }
    return result;
}

}  // namespace

std::vector<TestResult> run_tests(const Target& target, const std::vector<const Test*>& tests,
                                  const RunOptions& options) {
    std::vector<std::optional<TestResult>> slots(tests.size());
    std::atomic<std::size_t> next{0};
    std::atomic<bool> is_over{false};
    const auto nonce = make_nonce();
    const auto work = [&] {
        for (std::size_t i = next++; i < tests.size() && !is_over; i = next++) {
            slots[i] = run_one(target, *tests[i], fmt::format("{}{}", nonce, i));
            if (options.until_failure && slots[i]->outcome == TestResult::Outcome::failed) {
                is_over = true;
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        const auto count = std::min<std::size_t>(options.threads, tests.size());
        for (std::size_t i = 0; i < count; ++i) {
            threads.emplace_back(work);
        }
    }
    std::vector<TestResult> results;
    for (auto& slot : slots) {
        if (slot) {
            results.push_back(std::move(*slot));
        }
    }
    return results;
}

}  // namespace martlet::conformance
