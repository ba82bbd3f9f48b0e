// The mailbox and the back pressure between two shards, without a broker around them.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "server/transport/connection.hpp"
#include "server/transport/mailbox.hpp"
#include "server/transport/pair_flow.hpp"

namespace martlet::transport::tests {

namespace {

constexpr std::size_t high_water = 3000;

BatchMail mail_from(core::ShardIndex from, std::size_t number) {
    return {from, number, {}};
}

}  // namespace

TEST_CASE("mailbox: mail comes out in the order it went in") {
    Poller poller;
    Mailbox mailbox(poller);
    CHECK(mailbox.take_all() == nullptr);
    for (std::size_t i = 0; i < 5; ++i) {
        mailbox.push(mail_from(0, i));
    }
    std::unique_ptr<Mail> mail = mailbox.take_all();
    for (std::size_t i = 0; i < 5; ++i) {
        REQUIRE(mail);
        CHECK(std::get<BatchMail>(mail->content).weight == i);
        mail = std::move(mail->next);
    }
    CHECK(!mail);
    CHECK(mailbox.is_empty());
}

TEST_CASE("mailbox: only a sleeper is woken and only once a burst") {
    Poller poller;
    Mailbox mailbox(poller);
    mailbox.push(mail_from(0, 1));
    CHECK_FALSE(poller.fetch());
    CHECK(!mailbox.fall_asleep());
    mailbox.take_all();
    CHECK(mailbox.fall_asleep());
    mailbox.push(mail_from(0, 0));
    CHECK(poller.fetch());
    CHECK_FALSE(poller.next());
    for (std::size_t i = 1; i < 10; ++i) {
        mailbox.push(mail_from(0, i));
    }
    CHECK_FALSE(poller.fetch());
    CHECK(!mailbox.fall_asleep());
}

TEST_CASE("mailbox: many senders and a receiver that sleeps lose nothing and keep their order") {
    constexpr core::ShardIndex senders = 4;
    constexpr std::size_t each = 5000;
    Poller poller;
    Mailbox mailbox(poller);
    std::vector<std::thread> threads;
    for (core::ShardIndex sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&mailbox, sender] {
            for (std::size_t i = 0; i < each; ++i) {
                mailbox.push(mail_from(sender, i));
            }
        });
    }
    std::vector<std::size_t> next(senders, 0);
    std::size_t total = 0;
    bool in_order = true;
    while (total < senders * each) {
        if (mailbox.fall_asleep()) {
            poller.wait(std::chrono::hours(1));
            CHECK_FALSE(poller.next());
            mailbox.awake();
        }
        for (auto mail = mailbox.take_all(); mail; mail = std::move(mail->next)) {
            const auto& batch = std::get<BatchMail>(mail->content);
            in_order = in_order && batch.weight == next[batch.from]++;
            ++total;
        }
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(in_order);
}

TEST_CASE("pair flow: the sender is behind above the high water and relieved below the low one") {
    PairFlow flow(high_water);
    CHECK(!flow.send(high_water));
    CHECK(flow.send(1));
    CHECK(flow.is_behind());
    CHECK(!flow.take(high_water / 2));
    CHECK(flow.take(1));
    CHECK(flow.relieved());
    CHECK(!flow.is_behind());
    CHECK(!flow.take(high_water / 2));
}

TEST_CASE("pair flow: what is sent after the question makes it be asked again") {
    PairFlow flow(high_water);
    CHECK(flow.send(high_water + 1));
    CHECK(flow.send(high_water / 2));
    CHECK(flow.take(high_water / 2 + 1));
    CHECK(!flow.relieved());
    CHECK(flow.take(high_water / 2));
    CHECK(flow.relieved());
}

TEST_CASE("pair flow: a relief is never missed") {
    PairFlow flow(high_water);
    constexpr std::size_t weight = high_water / 3;
    constexpr int rounds = 20'000;
    std::atomic<std::uint64_t> sent{0};
    std::atomic<int> reliefs{0};
    std::thread receiver([&] {
        std::uint64_t taken = 0;
        while (taken < static_cast<std::uint64_t>(rounds)) {
            if (sent.load() > taken) {
                ++taken;
                if (flow.take(weight)) {
                    ++reliefs;
                }
            } else {
                std::this_thread::yield();
            }
        }
    });
    int seen = 0;
    for (int i = 0; i < rounds; ++i) {
        bool behind = flow.send(weight);
        ++sent;
        while (behind) {
            if (reliefs.load() > seen) {
                ++seen;
                behind = !flow.relieved();
            } else {
                std::this_thread::yield();
            }
        }
    }
    receiver.join();
    CHECK(seen == reliefs.load());
}

}  // namespace martlet::transport::tests
