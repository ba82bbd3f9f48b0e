// The list of tests. A test puts itself there:
//
//     MARTLET_TEST(retained_reaches_new_subscriber, "a new subscription gets what is retained",
//                  V311{"MQTT-3.3.1-6"}, V5{"MQTT-3.3.1-9"}) {
//         Client c{t};
//         ...
//     }
//
// It runs for each version that it names statements of, and proves all of these statements.
// Ownership: tests live as long as the program. Threading: filled before main, then immutable.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "conformance/suite/client.hpp"
#include "conformance/suite/trial.hpp"

namespace martlet::conformance {

struct V311 {
    V311(std::initializer_list<std::string_view> covered) : ids(covered) {}
    std::vector<std::string_view> ids;
};

struct V5 {
    V5(std::initializer_list<std::string_view> covered) : ids(covered) {}
    std::vector<std::string_view> ids;
};

// The statement is about time that passes: such tests begin first, so that they overlap.
struct Waits {};

struct Test {
    std::string_view name;
    std::string_view title;
    void (*run)(Trial&) = nullptr;
    std::vector<std::string_view> v311{};
    std::vector<std::string_view> v5{};
    bool waits = false;

    [[nodiscard]] const std::vector<std::string_view>& ids(Version version) const {
        return version == Version::v5 ? v5 : v311;
    }
};

// In the order of files and lines, the waiting ones first.
std::vector<const Test*> tests_for(Version version);
const std::vector<Test>& all_tests();

class Registered {
public:
    template <class... Facts>
    Registered(std::string_view name, std::string_view title, void (*run)(Trial&),
               const Facts&... facts) {
        Test test{.name = name, .title = title, .run = run};
        (note(test, facts), ...);
        add(std::move(test));
    }

private:
    static void note(Test& test, const V311& covered) { test.v311 = covered.ids; }
    static void note(Test& test, const V5& covered) { test.v5 = covered.ids; }
    static void note(Test& test, Waits /*waits*/) { test.waits = true; }
    static void add(Test test);
};

}  // namespace martlet::conformance

#define MARTLET_TEST(name, title, ...)                                                    \
    static void name(::martlet::conformance::Trial& t);                                   \
    static const ::martlet::conformance::Registered name##_registered{#name, title, name, \
                                                                      __VA_ARGS__};       \
    static void name([[maybe_unused]] ::martlet::conformance::Trial& t)
