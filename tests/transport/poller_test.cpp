#include "server/transport/poller.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "server/transport/clock.hpp"

namespace martlet::transport::tests {

namespace {

// A connected pair of non-blocking sockets: `ours` is polled, `theirs` is the peer.
struct Pair {
    Pair() {
        std::array<int, 2> both{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()) == 0);
        ours = OwnedFd(both[0]);
        theirs = OwnedFd(both[1]);
    }
    void send(std::size_t bytes) const {
        const std::vector<char> data(bytes);
        REQUIRE(::write(theirs.get(), data.data(), bytes) == static_cast<ssize_t>(bytes));
    }
    // The Poller only hands it back.
    Connection& connection() { return *static_cast<Connection*>(static_cast<void*>(this)); }

    OwnedFd ours;
    OwnedFd theirs;
};

struct CountingAcceptor final : Acceptor {
    void on_arrivals() override { ++calls; }

    int calls = 0;
};

}  // namespace

TEST_CASE("poller: input is told once for each time it comes") {
    Poller poller;
    Pair pair;
    REQUIRE(poller.add(pair.ours.get(), pair.connection()));
    CHECK_FALSE(poller.fetch());
    pair.send(1);
    REQUIRE(poller.fetch());
    const auto event = poller.next();
    REQUIRE(event);
    CHECK(event->connection == &pair.connection());
    CHECK(event->readable);
    CHECK_FALSE(event->writable);
    CHECK_FALSE(event->ends);
    CHECK_FALSE(poller.next());
    CHECK_FALSE(poller.fetch());
    pair.send(1);
    CHECK(poller.fetch());
}

TEST_CASE("poller: what was there before the socket was added is told") {
    Poller poller;
    Pair pair;
    pair.send(1);
    REQUIRE(poller.add(pair.ours.get(), pair.connection()));
    CHECK(poller.fetch());
}

TEST_CASE("poller: an end that comes with the last bytes is told with them") {
    Poller poller;
    Pair pair;
    REQUIRE(poller.add(pair.ours.get(), pair.connection()));
    pair.send(1);
    ::shutdown(pair.theirs.get(), SHUT_WR);
    REQUIRE(poller.fetch());
    const auto event = poller.next();
    REQUIRE(event);
    CHECK(event->readable);
    CHECK(event->ends);
}

TEST_CASE("poller: room to write is told when it is asked for") {
    Poller poller;
    Pair pair;
    REQUIRE(poller.add(pair.ours.get(), pair.connection()));
    CHECK_FALSE(poller.fetch());
    REQUIRE(poller.watch_output(pair.ours.get(), pair.connection()));
    REQUIRE(poller.fetch());
    const auto event = poller.next();
    REQUIRE(event);
    CHECK(event->writable);
    CHECK_FALSE(event->readable);
}

TEST_CASE("poller: who leaves the set leaves the batch that has been fetched") {
    Poller poller;
    std::array<Pair, 3> pairs;
    for (Pair& pair : pairs) {
        REQUIRE(poller.add(pair.ours.get(), pair.connection()));
        pair.send(1);
    }
    REQUIRE(poller.fetch());
    const auto first = poller.next();
    REQUIRE(first);
    REQUIRE(first->connection == &pairs[0].connection());
    pairs[1].ours.reset();
    poller.forget(pairs[1].connection());
    const auto second = poller.next();
    REQUIRE(second);
    CHECK(second->connection == &pairs[2].connection());
    CHECK_FALSE(poller.next());
    poller.remove(pairs[0].ours.get(), pairs[0].connection());
    pairs[0].send(1);
    CHECK_FALSE(poller.fetch());
}

TEST_CASE("poller: an acceptor is told as long as somebody waits") {
    Poller poller;
    Pair pair;
    CountingAcceptor acceptor;
    REQUIRE(poller.add(pair.ours.get(), acceptor));
    CHECK_FALSE(poller.fetch());
    pair.send(1);
    for (int i = 0; i < 2; ++i) {
        REQUIRE(poller.fetch());
        const auto event = poller.next();
        REQUIRE(event);
        CHECK(event->connection == nullptr);
        event->acceptor->on_arrivals();
    }
    CHECK(acceptor.calls == 2);
    REQUIRE(poller.fetch());
    poller.remove(pair.ours.get(), acceptor);
    CHECK_FALSE(poller.next());
    CHECK_FALSE(poller.fetch());
}

TEST_CASE("poller: each wake-up ends one wait and is nobody's event") {
    Poller poller;
    for (int i = 0; i < 2; ++i) {
        poller.wake();
        CHECK(poller.wait(std::chrono::hours(1)));
        CHECK_FALSE(poller.next());
        CHECK_FALSE(poller.fetch());
    }
}

TEST_CASE("poller: another thread ends a wait that is under way") {
    Poller poller;
    std::thread other([&poller] { poller.wake(); });
    CHECK(poller.wait(core::never - core::Instant{}));
    other.join();
}

TEST_CASE("poller: a wait ends when its time has passed and not before") {
    Poller poller;
    const auto start = read_clock();
    CHECK_FALSE(poller.wait(std::chrono::microseconds(1500)));
    CHECK(read_clock() - start >= std::chrono::microseconds(1500));
    CHECK_FALSE(poller.wait(-std::chrono::hours(1)));
}

}  // namespace martlet::transport::tests
