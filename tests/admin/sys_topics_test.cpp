#include "server/admin/sys_topics.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using martlet::admin::SysTopic;
using martlet::admin::SysTopics;

namespace {

std::string value_of(const std::vector<SysTopic>& topics, std::string_view name) {
    const auto found = std::find_if(topics.begin(), topics.end(),
                                    [&](const SysTopic& t) { return t.topic == name; });
    return found == topics.end() ? "(unchanged)" : found->value;
}

}  // namespace

TEST_CASE("$SYS: the first round tells everything and later ones only what changed") {
    SysTopics sys("martlet version 1");
    martlet::core::Counters totals;
    totals.connections = 3;
    totals.sessions = 5;
    auto topics = sys.round(totals, {std::chrono::seconds(1), 100, 3}, std::chrono::seconds(1));
    CHECK(value_of(topics, "$SYS/broker/version") == "martlet version 1");
    CHECK(value_of(topics, "$SYS/broker/uptime") == "1 seconds");
    CHECK(value_of(topics, "$SYS/broker/clients/connected") == "3");
    CHECK(value_of(topics, "$SYS/broker/clients/disconnected") == "2");
    CHECK(value_of(topics, "$SYS/broker/clients/total") == "5");
    totals.publishes_received = 7;
    topics = sys.round(totals, {std::chrono::seconds(11), 100, 3}, std::chrono::seconds(10));
    CHECK(value_of(topics, "$SYS/broker/version") == "(unchanged)");
    CHECK(value_of(topics, "$SYS/broker/publish/messages/received") == "7");
    CHECK(value_of(topics, "$SYS/broker/clients/connected") == "(unchanged)");
}

TEST_CASE("$SYS: the highest number of clients is remembered") {
    SysTopics sys("v");
    martlet::core::Counters totals;
    totals.connections = 9;
    sys.round(totals, {}, std::chrono::seconds(1));
    totals.connections = 2;
    const auto topics = sys.round(totals, {}, std::chrono::seconds(10));
    CHECK(value_of(topics, "$SYS/broker/clients/connected") == "2");
    CHECK(value_of(topics, "$SYS/broker/clients/maximum") == "(unchanged)");
}

TEST_CASE("$SYS: load averages approach a steady rate per minute") {
    SysTopics sys("v");
    martlet::core::Counters totals;
    std::vector<SysTopic> topics = sys.round(totals, {}, std::chrono::seconds(10));
    for (int i = 0; i < 100; ++i) {
        totals.publishes_received += 100;  // in 10 s: 600 a minute
        totals.publishes_sent += 1;
        for (const SysTopic& topic : sys.round(totals, {}, std::chrono::seconds(10))) {
            std::erase_if(topics, [&](const SysTopic& t) { return t.topic == topic.topic; });
            topics.push_back(topic);
        }
    }
    CHECK(std::stod(value_of(topics, "$SYS/broker/load/publish/received/1min")) ==
          doctest::Approx(600).epsilon(0.01));
    CHECK(std::stod(value_of(topics, "$SYS/broker/load/publish/received/15min")) ==
          doctest::Approx(600).epsilon(0.5));
}
