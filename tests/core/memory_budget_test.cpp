// What one more of each costs in memory, measured on a shard with nothing around it. The figures
// are bounds that a change has to keep, or to raise in the open.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "server/core/connection.hpp"
#include "server/core/delivery.hpp"
#include "server/core/message.hpp"
#include "server/core/retained_messages.hpp"
#include "server/core/session.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/bare_broker.hpp"
#include "tests/support/make_message.hpp"

namespace martlet::core {
namespace {

using testing::BareBroker;

static_assert(sizeof(Message) <= 48);
static_assert(sizeof(Delivery) <= 24);
static_assert(sizeof(Session) <= 408);
static_assert(sizeof(Connection) <= 288);
static_assert(sizeof(SubscriptionRecord) <= 8);
static_assert(sizeof(Subscriber) <= 12);

double bytes_each(std::size_t count, const std::function<void(std::size_t)>& add) {
    const std::uint64_t before = testing::allocated_bytes();
    for (std::size_t i = 0; i < count; ++i) {
        add(i);
    }
    return static_cast<double>(testing::allocated_bytes() - before) / static_cast<double>(count);
}

TEST_CASE("memory: a client that only is there takes less than 800 bytes of the broker core") {
    BareBroker broker;
    const double each =
        bytes_each(20'000, [&](std::size_t i) { broker.connect("client-" + std::to_string(i)); });
    CAPTURE(each);
    CHECK(each < 800);
}

TEST_CASE("memory: a subscription of 25 characters takes less than 100 bytes") {
    BareBroker broker;
    std::vector<ConnectionId> clients;
    for (int i = 0; i < 100; ++i) {
        clients.push_back(broker.connect("client-" + std::to_string(i)));
    }
    const double each = bytes_each(200'000, [&](std::size_t i) {
        broker.subscribe(clients[i % clients.size()],
                         "building/" + std::to_string(i / 1000) + "/sensor/" + std::to_string(i),
                         0);
    });
    CAPTURE(each);
    CHECK(each < 100);
}

TEST_CASE("memory: a retained message takes less than 140 bytes besides topic and payload") {
    RetainedMessages retained(4711);
    const std::string payload(64, 'x');
    std::size_t texts = 0;
    const double each = bytes_each(200'000, [&](std::size_t i) {
        const std::string topic =
            "building/" + std::to_string(i / 1000) + "/sensor/" + std::to_string(i);
        texts += topic.size() + payload.size();
        retained.set(topic, {testing::make_message(topic, payload)});
    });
    const double besides = each - static_cast<double>(texts) / 200'000;
    CAPTURE(besides);
    CHECK(besides < 140);
}

TEST_CASE("memory: a message for a thousand queues is there once and takes 24 bytes of each") {
    const std::string payload(1000, 'x');
    const MessageRef message = testing::make_message("a/b", payload);
    std::vector<RingQueue<Delivery>> queues(1000);
    const double each = bytes_each(1000,
                                   [&](std::size_t) {
                                       Delivery delivery;
                                       delivery.message = message;
                                       for (RingQueue<Delivery>& queue : queues) {
                                           queue.push_back(delivery);
                                       }
                                   }) /
                        1000;
    CAPTURE(each);
    CHECK(each < 24 * 2);  // a ring that has just grown is half empty
}

TEST_CASE("memory: what a peak of 20000 clients took is given back or used again") {
    BareBroker broker;
    std::vector<ConnectionId> clients;
    const auto come_and_go = [&] {
        clients.clear();
        for (int i = 0; i < 20'000; ++i) {
            clients.push_back(broker.connect("client-" + std::to_string(i)));
            broker.subscribe(clients.back(), "some/topic/" + std::to_string(i), 0);
        }
        for (const ConnectionId client : clients) {
            broker.shard.on_closed(client, CloseReason::peer_closed, {});
            broker.shard.end_pass({});
        }
    };
    come_and_go();
    const std::uint64_t after_first = testing::allocated_bytes();
    come_and_go();
    CHECK(testing::allocated_bytes() <= after_first + after_first / 100);
}

}  // namespace
}  // namespace martlet::core
