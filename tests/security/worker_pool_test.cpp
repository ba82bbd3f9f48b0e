#include "server/security/worker_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

using martlet::security::WorkerPool;

TEST_CASE("worker pool: what is submitted runs elsewhere") {
    WorkerPool pool(2, 10);
    std::promise<std::thread::id> where;
    REQUIRE(pool.try_submit([&] { where.set_value(std::this_thread::get_id()); }));
    CHECK(where.get_future().get() != std::this_thread::get_id());
}

TEST_CASE("worker pool: beyond its queue work is turned away until there is room again") {
    WorkerPool pool(1, 2);
    std::promise<void> begun;
    std::promise<void> gate;
    std::shared_future<void> open = gate.get_future().share();
    std::promise<void> last;
    REQUIRE(pool.try_submit([&, open] {
        begun.set_value();
        open.wait();
    }));
    begun.get_future().wait();
    CHECK(pool.try_submit([] {}));
    CHECK(pool.try_submit([&] { last.set_value(); }));
    CHECK(!pool.try_submit([] {}));
    gate.set_value();
    last.get_future().wait();
    CHECK(pool.try_submit([] {}));
}

TEST_CASE("worker pool: stopping waits for what runs and drops what waits") {
    std::atomic<int> ran = 0;
    std::promise<void> begun;
    std::promise<void> gate;
    std::shared_future<void> open = gate.get_future().share();
    WorkerPool pool(1, 1'000'000'000);
    REQUIRE(pool.try_submit([&, open] {
        begun.set_value();
        open.wait();
        ++ran;
    }));
    REQUIRE(pool.try_submit([&] { ran += 10; }));
    begun.get_future().wait();
    std::thread stopper([&] { pool.stop(); });
    while (pool.try_submit([] {})) {  // until it is told to stop
        std::this_thread::yield();
    }
    gate.set_value();
    stopper.join();
    CHECK(ran == 1);
}
