#include "server/core/ring_queue.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <string>

#include "tests/support/random.hpp"

namespace martlet::core {
namespace {

TEST_CASE("a ring queue gives elements back in the order they came") {
    RingQueue<int> queue;
    for (int i = 0; i < 100; ++i) {
        queue.push_back(i);
    }
    CHECK(queue.size() == 100);
    CHECK(queue.front() == 0);
    CHECK(queue.back() == 99);
    CHECK(queue[42] == 42);
    for (int i = 0; i < 100; ++i) {
        CHECK(queue.front() == i);
        queue.pop_front();
    }
    CHECK(queue.empty());
}

TEST_CASE("an empty ring queue owns no memory before and after use") {
    RingQueue<std::string> queue;
    CHECK(queue.capacity() == 0);
    queue.emplace_back("one");
    CHECK(queue.capacity() != 0);
    queue.pop_front();
    CHECK(queue.capacity() == 0);
    queue.emplace_back("two");
    queue.emplace_back("three");
    queue.clear();
    CHECK(queue.capacity() == 0);
    CHECK(queue.empty());
}

TEST_CASE("a ring queue gives memory back after a peak") {
    RingQueue<int> queue;
    for (int i = 0; i < 100'000; ++i) {
        queue.push_back(i);
    }
    while (queue.size() > 10) {
        queue.pop_front();
    }
    CHECK(queue.capacity() <= 128);
    CHECK(queue.front() == 99'990);
}

TEST_CASE("a ring queue keeps things that can only be moved") {
    RingQueue<std::unique_ptr<int>> queue;
    for (int i = 0; i < 20; ++i) {
        queue.push_back(std::make_unique<int>(i));
    }
    queue.push_front(std::make_unique<int>(-1));
    RingQueue<std::unique_ptr<int>> other = std::move(queue);
    CHECK(*other.front() == -1);
    CHECK(other.size() == 21);
    other = RingQueue<std::unique_ptr<int>>();
    CHECK(other.empty());
}

TEST_CASE("a ring queue behaves as std::deque under random use") {
    MARTLET_SEEDED(random);
    for (int round = 0; round < 20; ++round) {
        RingQueue<std::string> queue;
        std::deque<std::string> model;
        const std::uint64_t pops = 1 + random.below(8);  // in 10: rounds that grow and that shrink
        for (int step = 0; step < 3000; ++step) {
            if (random.below(10) >= pops) {
                const std::string value(random.below(40), static_cast<char>('a' + step % 26));
                if (random.chance(4)) {
                    queue.push_front(value);
                    model.push_front(value);
                } else {
                    queue.push_back(value);
                    model.push_back(value);
                }
            } else if (!model.empty()) {
                if (random.chance(4)) {
                    queue.pop_back();
                    model.pop_back();
                } else {
                    queue.pop_front();
                    model.pop_front();
                }
            }
            REQUIRE(queue.size() == model.size());
            if (!model.empty()) {
                const std::size_t at = random.below(model.size());
                REQUIRE(queue[at] == model[at]);
                REQUIRE(queue.front() == model.front());
                REQUIRE(queue.back() == model.back());
            } else {
                REQUIRE(queue.capacity() == 0);
            }
        }
    }
}

}  // namespace
}  // namespace martlet::core
