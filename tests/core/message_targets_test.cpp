#include "server/core/message_targets.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace martlet::core::tests {

TEST_CASE("message targets: come out in the order they went in however many there are") {
    MessageTargets targets;
    CHECK(targets.empty());
    CHECK(targets.view().empty());
    for (SessionId session = 1; session <= 5; ++session) {
        targets.push_back({session, static_cast<std::uint32_t>(10 * session)});
        CHECK_FALSE(targets.empty());
        REQUIRE(targets.size() == session);
        for (SessionId each = 1; each <= session; ++each) {
            CHECK(targets.view()[each - 1].session == each);
            CHECK(targets.view()[each - 1].terms == 10 * each);
        }
    }
}

TEST_CASE("message targets: a copy is on its own") {
    MessageTargets one;
    one.push_back({1, 0});
    MessageTargets two = one;
    two.push_back({2, 0});
    MessageTargets three = two;
    three.push_back({3, 0});
    CHECK(one.size() == 1);
    CHECK(two.size() == 2);
    CHECK(three.size() == 3);
    one = std::move(three);
    CHECK(one.view()[2].session == 3);
}

TEST_CASE("boxed: holds nothing until it is given a value and copies what it holds") {
    Boxed<int> first;
    CHECK_FALSE(first);
    Boxed<int> second = first;
    CHECK_FALSE(second);
    second.obtain() = 7;
    first = second;
    second.obtain() = 8;
    REQUIRE(first);
    CHECK(*first == 7);
    CHECK(static_cast<const int&>(second) == 8);
}

}  // namespace martlet::core::tests
