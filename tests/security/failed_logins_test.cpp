#include "server/security/failed_logins.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace martlet;
using namespace martlet::security;
using namespace std::chrono_literals;

namespace {

constexpr BanPolicy three{3, 60s};
constexpr core::Instant start{1000s};

}  // namespace

TEST_CASE("failed logins: one too many within the window begins a ban that ends") {
    FailedLogins failures(100);
    CHECK(!failures.note_failure("192.0.2.1:5000", three, start));
    CHECK(!failures.note_failure("192.0.2.1:5001", three, start + 1s));
    CHECK(!failures.is_banned("192.0.2.1:5002", start + 1s));
    CHECK(failures.note_failure("192.0.2.1:5002", three, start + 2s));
    CHECK(failures.is_banned("192.0.2.1:5003", start + 3s));
    CHECK(!failures.is_banned("192.0.2.2:5003", start + 3s));
    CHECK(!failures.note_failure("192.0.2.1:5002", three, start + 3s));  // was under way
    CHECK(failures.is_banned("192.0.2.1:5003", start + 61s));
    CHECK(!failures.is_banned("192.0.2.1:5003", start + 62s));
    CHECK(!failures.note_failure("192.0.2.1:5002", three, start + 62s));
}

TEST_CASE("failed logins: slow ones are no guessing") {
    FailedLogins failures(100);
    for (int i = 0; i < 20; ++i) {
        CHECK(!failures.note_failure("192.0.2.1:5000", three, start + i * 40s));
    }
}

TEST_CASE("failed logins: this machine is exempt and so is everybody when nobody is to be banned") {
    FailedLogins failures(100);
    for (const char* peer : {"127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"}) {
        for (int i = 0; i < 5; ++i) {
            CHECK(!failures.note_failure(peer, three, start));
        }
    }
    for (int i = 0; i < 5; ++i) {
        CHECK(!failures.note_failure("192.0.2.1:5000", {0, 60s}, start));
    }
    CHECK(failures.size() == 0);
}

TEST_CASE("failed logins: of IPv6 the network counts and a mapped address is the mapped one") {
    FailedLogins failures(100);
    CHECK(!failures.note_failure("[2001:db8:1:2::1]:1", three, start));
    CHECK(!failures.note_failure("[2001:db8:1:2:ffff::2]:1", three, start));
    CHECK(failures.note_failure("[2001:db8:1:2:3:4:5:6]:1", three, start));
    CHECK(failures.is_banned("[2001:db8:1:2::99]:1", start));
    CHECK(!failures.is_banned("[2001:db8:1:3::99]:1", start));
    CHECK(failures.note_failure("192.0.2.1:1", {1, 60s}, start));
    CHECK(failures.is_banned("[::ffff:192.0.2.1]:1", start));
}

TEST_CASE("failed logins: the table is bounded and the first noted goes") {
    FailedLogins failures(10);
    CHECK(failures.note_failure("192.0.2.1:1", {1, 60s}, start));
    for (int i = 0; i < 10; ++i) {
        CHECK(failures.is_banned("192.0.2.1:1", start));
        failures.note_failure("198.51.100." + std::to_string(i) + ":1", three, start);
    }
    CHECK(failures.size() == 10);
    CHECK(!failures.is_banned("192.0.2.1:1", start));
}
