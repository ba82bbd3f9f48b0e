#include "server/core/retained_messages.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "protocol/topic.hpp"
#include "tests/support/make_message.hpp"
#include "tests/support/random.hpp"
#include "tests/support/topics.hpp"

namespace martlet::core {
namespace {

using Cursor = RetainedMessages::Cursor;
using Topics = std::vector<std::string>;

constexpr std::uint64_t hash_seed = 4711;

MessageRef set(RetainedMessages& retained, std::string_view topic) {
    return retained.set(topic, {testing::make_message(topic, "payload"), 0}).message;
}

// All topics a filter yields, in order, read with slices of `slice` visits.
Topics drained(RetainedMessages& retained, std::string_view filter, std::size_t slice) {
    Topics topics;
    Cursor cursor(retained, filter);
    for (;;) {
        std::size_t budget = slice;
        Cursor::Next next = cursor.next(budget);
        while (next.step == Cursor::Step::message) {
            topics.emplace_back(next.message->topic());
            next = cursor.next(budget);
        }
        if (next.step == Cursor::Step::done) {
            CHECK(cursor.is_done());
            std::sort(topics.begin(), topics.end());
            return topics;
        }
        CHECK(budget == 0);
    }
}

TEST_CASE("a topic has one retained message that is replaced and erased") {
    RetainedMessages retained(hash_seed);
    CHECK(retained.find("a/b") == nullptr);
    const MessageRef first = testing::make_message("a/b", "first");
    const MessageRef second = testing::make_message("a/b", "the second");
    CHECK(retained.set("a/b", {first, 1}).message == nullptr);
    CHECK(retained.bytes() == first->memory_size());
    CHECK(retained.set("a/b", {second, 2}).message == first);
    CHECK(retained.find("a/b")->message == second);
    CHECK(retained.find("a") == nullptr);
    CHECK(retained.count() == 1);
    CHECK(retained.bytes() == second->memory_size());
    CHECK(retained.erase("a").message == nullptr);
    CHECK(retained.erase("a/b").message == second);
    CHECK(retained.erase("a/b").message == nullptr);
    CHECK(retained.count() == 0);
    CHECK(retained.bytes() == 0);
}

TEST_CASE("a cursor yields the retained messages that match its filter") {
    RetainedMessages retained(hash_seed);
    for (const char* topic : {"a", "a/b", "a/b/c", "a/c", "/a", "b/b", "a/", "$SYS/a"}) {
        set(retained, topic);
    }
    for (const std::size_t slice : {1U, 2U, 1000U}) {
        CHECK(drained(retained, "a/b", slice) == Topics{"a/b"});
        CHECK(drained(retained, "a/+", slice) == Topics{"a/", "a/b", "a/c"});
        CHECK(drained(retained, "a/#", slice) == Topics{"a", "a/", "a/b", "a/b/c", "a/c"});
        CHECK(drained(retained, "+/b", slice) == Topics{"a/b", "b/b"});
        CHECK(drained(retained, "+/+/c", slice) == Topics{"a/b/c"});
        CHECK(drained(retained, "+", slice) == Topics{"a"});
        CHECK(drained(retained, "c/#", slice) == Topics{});
        CHECK(drained(retained, "a/b/c/d", slice) == Topics{});
    }
}

TEST_CASE(
    "retained messages with a dollar are not for filters that begin with a wildcard "
    "[v3.1.1 MQTT-4.7.2-1] [v5 MQTT-4.7.2-1]") {
    RetainedMessages retained(hash_seed);
    for (const char* topic : {"$SYS", "$SYS/a", "b/a"}) {
        set(retained, topic);
    }
    CHECK(drained(retained, "#", 1) == Topics{"b/a"});
    CHECK(drained(retained, "+/a", 1) == Topics{"b/a"});
    CHECK(drained(retained, "+", 1) == Topics{});
    CHECK(drained(retained, "$SYS/#", 1) == Topics{"$SYS", "$SYS/a"});
    CHECK(drained(retained, "$SYS/+", 1) == Topics{"$SYS/a"});
}

TEST_CASE("a cursor of an empty tree is done after its first step") {
    RetainedMessages retained(hash_seed);
    Cursor cursor(retained, "#");
    std::size_t budget = 10;
    CHECK(cursor.next(budget).step == Cursor::Step::done);
    CHECK(cursor.next(budget).step == Cursor::Step::done);
}

TEST_CASE("a cursor pauses when its budget is used up although nothing matches") {
    RetainedMessages retained(hash_seed);
    for (int i = 0; i < 1000; ++i) {
        set(retained, "a/" + std::to_string(i) + "/b");
    }
    Cursor cursor(retained, "a/+/c");
    std::size_t budget = 100;
    CHECK(cursor.next(budget).step == Cursor::Step::pause);
    CHECK(budget == 0);
    budget = 1'000'000;
    CHECK(cursor.next(budget).step == Cursor::Step::done);
    CHECK(budget >= 1'000'000 - 3 * 1003);
}

TEST_CASE("a cursor steps off nodes that are erased under it") {
    RetainedMessages retained(hash_seed);
    for (const char* topic : {"a/b/c", "a/b/d", "e"}) {
        set(retained, topic);
    }
    for (std::size_t steps = 0; steps < 12; ++steps) {
        CAPTURE(steps);
        Cursor cursor(retained, "#");
        Topics seen;
        std::size_t budget = steps;
        for (Cursor::Next next = cursor.next(budget); next.step == Cursor::Step::message;
             next = cursor.next(budget)) {
            seen.emplace_back(next.message->topic());
        }
        retained.erase("a/b/c");
        retained.erase("a/b/d");
        budget = 1000;
        for (Cursor::Next next = cursor.next(budget); next.step == Cursor::Step::message;
             next = cursor.next(budget)) {
            seen.emplace_back(next.message->topic());
        }
        CHECK(std::count(seen.begin(), seen.end(), "e") == 1);
        CHECK(retained.count() == 1);
        set(retained, "a/b/c");
        set(retained, "a/b/d");
    }
}

TEST_CASE("a cursor that outlives the retained messages is done") {
    auto retained = std::make_unique<RetainedMessages>(hash_seed);
    set(*retained, "a");
    set(*retained, "b");
    Cursor fresh(*retained, "#");
    Cursor used(*retained, "#");
    std::size_t budget = 2;
    used.next(budget);
    retained.reset();
    budget = 10;
    CHECK(fresh.next(budget).step == Cursor::Step::done);
    CHECK(used.next(budget).step == Cursor::Step::done);
}

TEST_CASE("retained topics of extreme shapes are walked without recursion") {
    RetainedMessages retained(hash_seed);
    const std::string slashes(65'535, '/');
    std::string deep = "x";
    for (int i = 0; i < 9'999; ++i) {
        deep += "/x";
    }
    set(retained, slashes);
    set(retained, deep);
    set(retained, std::string(65'535, 'x'));
    CHECK(drained(retained, "#", 100).size() == 3);
    CHECK(drained(retained, "/#", 100) == Topics{slashes});
    CHECK(drained(retained, "+/+/#", 100) == Topics{slashes, deep});
    retained.erase(slashes);
    retained.erase(deep);
    CHECK(retained.memory_size() < 2'000'000);
    CHECK(retained.count() == 1);
}

// A cursor at work with what it must and may yield: messages there from its beginning to its end
// exactly once; others that match at most once for each time they were set.
struct Observed {
    Observed(RetainedMessages& retained, std::string text)
        : filter(std::move(text)), cursor(retained, filter) {}

    std::string filter;
    Cursor cursor;
    std::set<std::string> steadfast;  // matching topics, there since the beginning
    std::map<std::string, int> seen;
    std::map<std::string, int> sets;  // since the beginning, with what was there then
};

class RetainedModel {
public:
    void change(testing::Random& random) {
        const std::string topic = testing::random_topic(random);
        if (random.chance(2)) {
            const MessageRef message =
                testing::make_message(topic, std::to_string(random.below(9)));
            const MessageRef replaced = retained_.set(topic, {message, 0}).message;
            REQUIRE(replaced == model_[topic]);
            model_[topic] = message;
            for (auto& each : cursors_) {
                ++each->sets[topic];
            }
        } else {
            const auto found = model_.find(topic);
            const MessageRef erased = retained_.erase(topic).message;
            REQUIRE(erased == (found == model_.end() ? nullptr : found->second));
            if (found != model_.end()) {
                model_.erase(found);
                for (auto& each : cursors_) {
                    each->steadfast.erase(topic);
                }
            }
        }
    }

    void open(std::string filter) {
        auto cursor = std::make_unique<Observed>(retained_, std::move(filter));
        for (const auto& [topic, message] : model_) {
            ++cursor->sets[topic];
            if (protocol::matches(cursor->filter, topic)) {
                cursor->steadfast.insert(topic);
            }
        }
        cursors_.push_back(std::move(cursor));
    }

    // One slice of one cursor, which is closed at its end, or now and then before.
    void step(testing::Random& random) {
        if (cursors_.empty()) {
            return;
        }
        const std::size_t at = random.below(cursors_.size());
        Observed& observed = *cursors_[at];
        CAPTURE(observed.filter);
        std::size_t budget = random.below(6);
        Cursor::Next next = observed.cursor.next(budget);
        while (next.step == Cursor::Step::message) {
            const std::string topic(next.message->topic());
            REQUIRE(model_.contains(topic));
            REQUIRE(model_[topic] == next.message);
            REQUIRE(protocol::matches(observed.filter, topic));
            REQUIRE(++observed.seen[topic] <= observed.sets[topic]);
            next = observed.cursor.next(budget);
        }
        if (next.step == Cursor::Step::done) {
            for (const std::string& topic : observed.steadfast) {
                CAPTURE(topic);
                REQUIRE(observed.seen[topic] == 1);
            }
        }
        if (next.step == Cursor::Step::done || random.chance(50)) {
            cursors_.erase(cursors_.begin() + static_cast<std::ptrdiff_t>(at));
        }
    }

    void check() const {
        REQUIRE(retained_.count() == model_.size());
        std::size_t bytes = 0;
        for (const auto& [topic, message] : model_) {
            REQUIRE(retained_.find(topic)->message == message);
            bytes += message->memory_size();
        }
        REQUIRE(retained_.bytes() == bytes);
    }

private:
    RetainedMessages retained_{testing::seed_for_this_run()};
    std::map<std::string, MessageRef> model_;
    std::vector<std::unique_ptr<Observed>> cursors_;
};

TEST_CASE("cursors see what stays exactly once while messages are set and erased") {
    MARTLET_SEEDED(random);
    for (int round = 0; round < 20; ++round) {
        RetainedModel model;
        for (int step = 0; step < 5000; ++step) {
            if (random.chance(20)) {
                model.open(random.chance(5) ? testing::random_topic(random)
                                            : testing::random_filter(random));
            }
            if (random.chance(2)) {
                model.change(random);
            } else {
                model.step(random);
            }
        }
        model.check();
    }
}

}  // namespace
}  // namespace martlet::core
