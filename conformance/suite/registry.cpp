#include "conformance/suite/registry.hpp"

#include <algorithm>

namespace martlet::conformance {

namespace {

std::vector<Test>& registered() {
    static std::vector<Test> tests;
    return tests;
}

}  // namespace

void Registered::add(Test test) {
    registered().push_back(std::move(test));
}

const std::vector<Test>& all_tests() {
    return registered();
}

std::vector<const Test*> tests_for(Version version) {
    std::vector<const Test*> tests;
    for (const auto& test : all_tests()) {
        if (!test.ids(version).empty()) {
            tests.push_back(&test);
        }
    }
    std::stable_partition(tests.begin(), tests.end(), [](const Test* test) { return test->waits; });
    return tests;
}

}  // namespace martlet::conformance
