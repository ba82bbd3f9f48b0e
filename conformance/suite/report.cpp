#include "conformance/suite/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace martlet::conformance {

namespace {

constexpr std::array all_verdicts{
    Verdict::passed,  Verdict::failed, Verdict::known_failure, Verdict::unexpected_pass,
    Verdict::skipped, Verdict::duty,   Verdict::unobservable,  Verdict::none};

const char* tag(Version version) {
    return version == Version::v5 ? "v5" : "v3.1.1";
}

std::string statement_line(const StatementResult& result, Version version) {
    const auto& statement = *result.statement;
    auto line = fmt::format("{:<17} [{} {}] {}", to_text(result.verdict), tag(version),
                            statement.id, statement.title);
    if (!statement.reason.empty()) {
        line += fmt::format(" -- {}", statement.reason);
    }
    if (result.verdict == Verdict::skipped) {
        line += fmt::format(" -- {}", result.tests.front()->why);
    }
    return line;
}

std::string failure_story(const TestResult& result) {
    auto story = fmt::format("\n{} ({})\n", result.test->title, result.test->name);
    for (const auto& failure : result.failures) {
        story += fmt::format("    {}\n", failure);
    }
    story += "  what was said, the last of it:\n";
    for (const auto& line : result.transcript) {
        story += fmt::format("    {}\n", line);
    }
    return story;
}

std::size_t count(const Report& report, Verdict verdict) {
    return static_cast<std::size_t>(
        std::ranges::count(report.statements, verdict, &StatementResult::verdict));
}

// JSON's strings; what is not ASCII was made printable before.
std::string quoted(std::string_view text) {
    std::string all = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') {
            all += '\\';
            all += character;
        } else if (static_cast<unsigned char>(character) < 0x20) {
            all += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
        } else {
            all += character;
        }
    }
    return all + '"';
}

std::string quoted_list(const std::vector<std::string>& texts) {
    std::vector<std::string> all;
    std::ranges::transform(texts, std::back_inserter(all), quoted);
    return fmt::format("[{}]", fmt::join(all, ","));
}

const char* to_text(TestResult::Outcome outcome) {
    switch (outcome) {
        case TestResult::Outcome::passed:
            return "passed";
        case TestResult::Outcome::failed:
            return "failed";
        case TestResult::Outcome::skipped:
            return "not offered";
    }
    return "";
}

}  // namespace

std::string to_lines(const Report& report) {
    std::string text;
    for (const auto& result : report.statements) {
        text += statement_line(result, report.version) + "\n";
    }
    for (const auto& result : report.tests) {
        if (result.outcome == TestResult::Outcome::failed) {
            text += failure_story(result);
        }
    }
    text += fmt::format("\nMQTT {}: {} statements, {} tests, {:.1f} s\n",
                        report.version == Version::v5 ? "5.0" : "3.1.1", report.statements.size(),
                        report.tests.size(), static_cast<double>(report.took.count()) / 1000.0);
    for (const auto verdict : all_verdicts) {
        if (const auto number = count(report, verdict); number > 0) {
            text += fmt::format("  {:<17} {:>4}\n", to_text(verdict), number);
        }
    }
    return text;
}

std::string to_json(const Report& report) {
    std::vector<std::string> statements;
    for (const auto& result : report.statements) {
        std::vector<std::string> tests;
        for (const auto* test : result.tests) {
            tests.emplace_back(test->test->name);
        }
        statements.push_back(fmt::format(
            R"({{"id":{},"title":{},"verdict":{},"reason":{},"tests":{}}})",
            quoted(result.statement->id), quoted(result.statement->title),
            quoted(to_text(result.verdict)), quoted(result.statement->reason), quoted_list(tests)));
    }
    std::vector<std::string> tests;
    for (const auto& result : report.tests) {
        tests.push_back(fmt::format(
            R"({{"name":{},"title":{},"outcome":{},"why":{},"ms":{},"failures":{},"said":{}}})",
            quoted(result.test->name), quoted(result.test->title), quoted(to_text(result.outcome)),
            quoted(result.why), result.took.count(), quoted_list(result.failures),
            quoted_list(result.transcript)));
    }
    return fmt::format(
        "{{\"version\":\"{}\",\"ms\":{},\n\"statements\":[\n{}\n],\n\"tests\":[\n{}\n]}}\n",
        report.version == Version::v5 ? "5.0" : "3.1.1", report.took.count(),
        fmt::join(statements, ",\n"), fmt::join(tests, ",\n"));
}

std::string list_tests(const std::vector<const Test*>& tests, Version version) {
    std::string text;
    for (const auto* test : tests) {
        text += fmt::format("{}: {}\n    {}\n", test->name, test->title,
                            fmt::join(test->ids(version), " "));
    }
    return text;
}

}  // namespace martlet::conformance
