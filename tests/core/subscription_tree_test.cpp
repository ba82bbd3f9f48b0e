#include "server/core/subscription_tree.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/topic.hpp"
#include "tests/support/random.hpp"
#include "tests/support/topics.hpp"

namespace martlet::core {
namespace {

constexpr std::uint64_t hash_seed = 4711;

Subscriber subscriber(SessionSlot session) {
    return Subscriber::make(session, 0, {}, 0);
}

// The filters that match, in order.
std::vector<std::string> matching(const SubscriptionTree& tree, std::string_view topic) {
    std::vector<std::string> filters;
    tree.match(topic, [&](FilterKey key, std::span<const Subscriber> subscribers) {
        CHECK_FALSE(subscribers.empty());
        filters.push_back(tree.filter_text(key));
    });
    std::sort(filters.begin(), filters.end());
    return filters;
}

using Filters = std::vector<std::string>;

TEST_CASE("a subscriber packs its options and its subscription identifier") {
    const protocol::SubscriptionOptions options{.qos = protocol::QoS::exactly_once,
                                                .no_local = true,
                                                .retain_as_published = false,
                                                .retain_handling = {}};
    const Subscriber packed = Subscriber::make(7, 9, options, 268'435'455);
    CHECK(packed.session == 7);
    CHECK(packed.index == 9);
    CHECK(packed.qos() == protocol::QoS::exactly_once);
    CHECK(packed.no_local());
    CHECK_FALSE(packed.retain_as_published());
    CHECK(packed.identifier() == 268'435'455);
}

TEST_CASE("a topic finds its exact filter and every wildcard filter that matches") {
    SubscriptionTree tree(hash_seed);
    for (const char* filter : {"a/b", "a/+", "a/#", "a/b/#", "+/b", "+/+", "#", "a", "a/b/c", "+",
                               "b/#", "a/+/c", "/a/b", "a/b/"}) {
        tree.add(filter, subscriber(1));
    }
    CHECK(matching(tree, "a/b") == Filters{"#", "+/+", "+/b", "a/#", "a/+", "a/b", "a/b/#"});
    CHECK(matching(tree, "a") == Filters{"#", "+", "a", "a/#"});
    CHECK(matching(tree, "a/b/c") == Filters{"#", "a/#", "a/+/c", "a/b/#", "a/b/c"});
    CHECK(matching(tree, "c") == Filters{"#", "+"});
}

TEST_CASE("empty levels are levels [v3.1.1 MQTT-4.7.1-3]") {
    SubscriptionTree tree(hash_seed);
    for (const char* filter : {"/", "+/+", "/+", "+", "//", "+/+/+", "/#", "//#"}) {
        tree.add(filter, subscriber(1));
    }
    CHECK(matching(tree, "/") == Filters{"+/+", "/", "/#", "/+", "//#"});
    CHECK(matching(tree, "/finance") == Filters{"+/+", "/#", "/+"});
    CHECK(matching(tree, "//") == Filters{"+/+/+", "/#", "//", "//#"});
}

TEST_CASE(
    "topics with a dollar are not for filters that begin with a wildcard "
    "[v3.1.1 MQTT-4.7.2-1] [v5 MQTT-4.7.2-1]") {
    SubscriptionTree tree(hash_seed);
    for (const char* filter : {"#", "+/monitor/Clients", "$SYS/#", "$SYS/monitor/+", "+", "$SYS"}) {
        tree.add(filter, subscriber(1));
    }
    CHECK(matching(tree, "$SYS/monitor/Clients") == Filters{"$SYS/#", "$SYS/monitor/+"});
    CHECK(matching(tree, "$SYS") == Filters{"$SYS", "$SYS/#"});
    CHECK(matching(tree, "a/monitor/Clients") == Filters{"#", "+/monitor/Clients"});
}

TEST_CASE("a filter with wildcards that is a topic of others is not confused with them") {
    SubscriptionTree tree(hash_seed);
    const auto exact = tree.add("a/b", subscriber(1));
    const auto wild = tree.add("a/b/#", subscriber(1));
    CHECK(exact.key != wild.key);
    CHECK(tree.find("a/b") == exact.key);
    CHECK(tree.find("a/b/#") == wild.key);
    CHECK(tree.find("a/+") == std::nullopt);
    CHECK(tree.find("a/#") == std::nullopt);
    CHECK(tree.filter_count() == 2);
}

TEST_CASE("removing a subscriber tells who took its place") {
    SubscriptionTree tree(hash_seed);
    for (const char* filter : {"a/b", "a/+"}) {
        FilterKey key = no_filter;
        for (SessionSlot session = 0; session < 4; ++session) {
            const auto place = tree.add(filter, subscriber(session));
            key = place.key;
            CHECK(place.position == session);
        }
        const auto moved = tree.remove(key, 1);
        REQUIRE(moved);
        CHECK(moved->session == 3);
        CHECK(tree.subscribers(key)[1].session == 3);
        CHECK_FALSE(tree.remove(key, 2));
        CHECK(tree.subscribers(key).size() == 2);
        CHECK(tree.remove(key, 0)->session == 3);
        CHECK_FALSE(tree.remove(key, 0));
        CHECK_FALSE(tree.find(filter));
    }
    CHECK(tree.subscription_count() == 0);
    CHECK(tree.filter_count() == 0);
}

TEST_CASE("options of a subscription can be changed in place") {
    SubscriptionTree tree(hash_seed);
    const auto place = tree.add("a/+", subscriber(1));
    tree.subscribers(place.key)[place.position] =
        Subscriber::make(1, 0, {.qos = protocol::QoS::at_least_once}, 5);
    tree.match("a/b", [](FilterKey, std::span<const Subscriber> found) {
        CHECK(found[0].identifier() == 5);
    });
}

TEST_CASE("a filter with a million subscribers costs no more to join or leave") {
    SubscriptionTree tree(hash_seed);
    constexpr std::uint32_t count = 1'000'000;
    FilterKey key = no_filter;
    for (SessionSlot session = 0; session < count; ++session) {
        key = tree.add("all", subscriber(session)).key;
    }
    CHECK(tree.memory_size() < count * 20);
    for (std::uint32_t i = 0; i < count - 1; ++i) {
        tree.remove(key, i % static_cast<std::uint32_t>(tree.subscribers(key).size()));
    }
    CHECK(tree.subscribers(key).size() == 1);
    CHECK(tree.memory_size() < 200'000);
}

TEST_CASE("topics and filters of extreme shapes are matched without recursion") {
    SubscriptionTree tree(hash_seed);
    const std::string slashes(65'535, '/');
    std::string pluses = "+";
    std::string deep = "x";
    std::string ones = "1";
    for (int i = 0; i < 9'999; ++i) {
        pluses += "/+";
        deep += "/x";
        ones += "/1";
    }
    tree.add(slashes, subscriber(1));
    tree.add(slashes.substr(1) + "#", subscriber(1));
    tree.add(pluses, subscriber(1));
    tree.add(pluses.substr(2) + "/#", subscriber(1));
    tree.add(deep + "/#", subscriber(1));
    tree.add("+/+/x/+/#", subscriber(1));
    CHECK(matching(tree, slashes).size() == 3);
    CHECK(matching(tree, deep).size() == 4);
    CHECK(matching(tree, ones) == Filters{pluses.substr(2) + "/#", pluses});
    CHECK(matching(tree, std::string(65'535, 'x')).empty());
    for (const std::string& filter : {slashes, slashes.substr(1) + "#", pluses, deep + "/#"}) {
        tree.remove(*tree.find(filter), 0);
    }
    CHECK(matching(tree, deep).size() == 2);
}

TEST_CASE("many filters of pluses cost a match no more than the nodes there are") {
    // Every filter of 12 levels "x" or "+": 4,096 match, and nothing is walked twice.
    SubscriptionTree tree(hash_seed);
    for (unsigned bits = 0; bits < 4096; ++bits) {
        std::string filter;
        for (unsigned i = 0; i < 12; ++i) {
            filter += (bits >> i & 1U) != 0 ? "/+" : "/x";
        }
        tree.add(filter, subscriber(bits));
    }
    std::string topic;
    for (unsigned i = 0; i < 12; ++i) {
        topic += "/x";
    }
    std::set<FilterKey> found;
    std::size_t calls = 0;
    tree.match(topic, [&](FilterKey key, std::span<const Subscriber>) {
        found.insert(key);
        ++calls;
    });
    CHECK(found.size() == 4096);
    CHECK(calls == 4096);
}

// The model: every filter with its sessions. Sessions keep their places as the broker's do.
class TreeModel {
public:
    void add(const std::string& filter, SessionSlot session) {
        auto& places = model_[filter];
        if (places.contains(session)) {
            return;
        }
        const auto place = tree_.add(filter, subscriber(session));
        REQUIRE(place.position == places.size());
        places[session] = place;
        ++count_;
    }

    void remove(const std::string& filter, SessionSlot session) {
        auto& places = model_[filter];
        const auto found = places.find(session);
        if (found != places.end()) {
            const auto place = found->second;
            REQUIRE(tree_.subscribers(place.key)[place.position].session == session);
            places.erase(found);
            if (const auto moved = tree_.remove(place.key, place.position)) {
                places.at(moved->session).position = place.position;
            }
            --count_;
        }
        if (places.empty()) {
            model_.erase(filter);
            REQUIRE_FALSE(tree_.find(filter));
        }
    }

    void check_counts() const {
        REQUIRE(tree_.filter_count() == model_.size());
        REQUIRE(tree_.subscription_count() == count_);
        for (const auto& [filter, places] : model_) {
            REQUIRE(tree_.find(filter) == places.begin()->second.key);
            REQUIRE(tree_.filter_text(places.begin()->second.key) == filter);
        }
    }

    void check_match(const std::string& topic) const {
        CAPTURE(topic);
        std::map<std::string, std::set<SessionSlot>> found;
        tree_.match(topic, [&](FilterKey key, std::span<const Subscriber> subscribers) {
            std::set<SessionSlot> sessions;
            for (const Subscriber& each : subscribers) {
                REQUIRE(sessions.insert(each.session).second);
            }
            REQUIRE(found.emplace(tree_.filter_text(key), std::move(sessions)).second);
        });
        for (const auto& entry : model_) {
            const std::string& filter = entry.first;
            const auto& places = entry.second;
            CAPTURE(filter);
            REQUIRE(found.contains(filter) == protocol::matches(filter, topic));
            if (found.contains(filter)) {
                REQUIRE(found[filter].size() == places.size());
                for (const auto& place : places) {
                    REQUIRE(found[filter].contains(place.first));
                }
            }
        }
    }

    const SubscriptionTree& tree() const { return tree_; }
    std::vector<std::string> filters() const {
        std::vector<std::string> names;
        for (const auto& entry : model_) {
            names.push_back(entry.first);
        }
        return names;
    }

private:
    SubscriptionTree tree_{testing::seed_for_this_run()};
    std::map<std::string, std::map<SessionSlot, SubscriptionTree::Place>> model_;
    std::size_t count_ = 0;
};

TEST_CASE("the subscription tree matches as the reference matcher does under random changes") {
    MARTLET_SEEDED(random);
    for (int round = 0; round < 10; ++round) {
        TreeModel model;
        for (int step = 0; step < 600; ++step) {
            const auto session = static_cast<SessionSlot>(random.below(6));
            const auto filters = model.filters();
            if (filters.empty() || random.chance(2)) {
                model.add(testing::random_filter(random), session);
            } else if (random.chance(3)) {
                model.add(testing::random_topic(random), session);
            } else {
                model.remove(random.pick(filters), session);
            }
            model.check_match(testing::random_topic(random));
        }
        model.check_counts();
        for (const std::string& filter : model.filters()) {
            for (SessionSlot session = 0; session < 6; ++session) {
                model.remove(filter, session);
            }
        }
        model.check_counts();
        CHECK(model.tree().filter_count() == 0);
    }
}

}  // namespace
}  // namespace martlet::core
