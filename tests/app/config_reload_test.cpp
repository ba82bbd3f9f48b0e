#include "server/app/config_reload.hpp"

#include <doctest/doctest.h>

#include <string>

#include "server/app/config_file.hpp"
#include "tests/support/lines.hpp"

using namespace martlet::app;
using martlet::tests::Lines;

namespace {

std::vector<std::string> restarts(const std::string& running, const std::string& wanted) {
    return keys_needing_restart(parse_config(running, "x", {}).config,
                                parse_config(wanted, "x", {}).config);
}

}  // namespace

TEST_CASE("config reload: what can be swapped needs no restart") {
    CHECK(restarts("", "").empty());
    CHECK(restarts("listener 1883\nlog_type error\nmax_queued_messages 1\n",
                   "# moved down\nlistener 1883\nallow_anonymous true\nmax_connections 3\n"
                   "log_type all\nmax_queued_messages 2\nsys_interval 1\n")
              .empty());
}

TEST_CASE("config reload: sockets threads and names of the process need a restart") {
    CHECK(restarts("listener 1883", "listener 1884") ==
          Lines{"listener (1884)", "listener (1883)"});
    CHECK(restarts("listener 1883 ::1", "listener 1883 127.0.0.1") ==
          Lines{"listener (1883 127.0.0.1)", "listener (1883 ::1)"});
    CHECK(restarts("listener 1883", "") == Lines{"listener (1883)"});
    CHECK(restarts("listener 1883", "listener 1883\nsocket_domain ipv4\n") ==
          Lines{"listener (1883)"});
    CHECK(restarts("", "threads 2\npid_file /x\nuser y\npersistence_location /z\n") ==
          Lines{"threads", "persistence_location", "pid_file", "user"});
}
