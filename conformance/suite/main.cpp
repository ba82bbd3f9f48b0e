#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <span>

#include "conformance/suite/options.hpp"
#include "conformance/suite/report.hpp"
#include "conformance/suite/runner.hpp"

namespace martlet::conformance {

namespace {

int run(const Options& options) {
    const auto version = options.target.version;
    std::vector<const Test*> tests;
    for (const auto* test : tests_for(version)) {
        if (is_chosen(*test, options)) {
            tests.push_back(test);
        }
    }
    if (options.list) {
        fmt::print("{}", list_tests(tests, version));
        return 0;
    }
    const auto known = options.known_file.empty()
                           ? KnownFailures{}
                           : read_known_failures(options.known_file, version);
    const auto start = Clock::now();
    const auto results = run_tests(options.target, tests, options.run);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
    const bool is_whole = options.filters.empty() && !options.run.until_failure;
    const auto judged = judge(version, results, known, is_whole);
    const Report report{.version = version, .tests = results, .statements = judged, .took = took};
    fmt::print("{}", options.json ? to_json(report) : to_lines(report));
    for (const auto& result : judged) {
        if (!is_good(result.verdict)) {
            return 1;
        }
    }
    return judged.empty() ? 2 : 0;
}

}  // namespace

}  // namespace martlet::conformance

int main(int argument_count, char** arguments) {
    namespace conformance = martlet::conformance;
    try {
        const std::span<char* const> words{arguments, static_cast<std::size_t>(argument_count)};
        const auto options = conformance::parse_options(words.subspan(1));
        if (options.help) {
            fmt::print("{}", conformance::usage);
            return 0;
        }
        return conformance::run(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "martlet-conformance: {}\n\n{}", error.what(), conformance::usage);
        return 2;
    }
}
