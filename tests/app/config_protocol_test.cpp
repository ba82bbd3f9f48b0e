// What lies between a listener's socket and MQTT, as the configuration says it.
#include <doctest/doctest.h>

#include <string>

#include "server/app/config_file.hpp"
#include "server/app/config_reload.hpp"
#include "tests/support/lines.hpp"

using namespace martlet::app;
using martlet::tests::Lines;

namespace {

ConfigResult parse(const std::string& text) {
    return parse_config(text, "x.conf", {});
}

}  // namespace

TEST_CASE("config protocol: a WebSocket listener with all it may have") {
    const ConfigResult result = parse(
        "websockets_headers_size 2048\nlistener 9001\nprotocol websockets\nwebsockets_path /mqtt\n"
        "websockets_origin https://a.example\nwebsockets_origin http://b.example:8080 # test\n"
        "listener 1883\nprotocol mqtt\n");
    REQUIRE(result.errors == Lines{});
    const ListenerConfig& listener = result.config.listeners.front();
    CHECK(listener.is_websocket);
    CHECK(listener.websocket_path == "/mqtt");
    CHECK(listener.websocket_origins == Lines{"https://a.example", "http://b.example:8080"});
    CHECK(result.config.limits.websocket_headers_max == 2048);
    CHECK_FALSE(result.config.listeners.back().is_websocket);
}

TEST_CASE("config protocol: mosquitto's 0 leaves the size of headers to the broker") {
    CHECK(parse("websockets_headers_size 0").config.limits.websocket_headers_max == 8192);
    CHECK(parse("websockets_headers_size 65536").errors.size() == 1);
}

TEST_CASE("config protocol: restrictions that would restrict nothing are errors") {
    CHECK(parse("listener 1883\nwebsockets_origin https://a\nwebsockets_path /mqtt\n").errors ==
          Lines{"x.conf:2: websockets_origin: the listener speaks no WebSocket, expected protocol "
                "websockets with it",
                "x.conf:3: websockets_path: the listener speaks no WebSocket, expected protocol "
                "websockets with it"});
    CHECK(parse("listener 1883\nunix_socket_mode 0600\n").errors ==
          Lines{"x.conf:2: unix_socket_mode: the listener is no Unix socket, expected listener 0 "
                "PATH above it"});
    CHECK(parse("listener 1883\nenable_proxy_protocol 1\nproxy_protocol_v2_require_tls true\n")
              .errors == Lines{"x.conf:3: proxy_protocol_v2_require_tls: only version 2 tells, "
                               "expected enable_proxy_protocol 2 with it"});
    CHECK(parse("listener 9001\nprotocol websockets\nwebsockets_path mqtt\n").errors ==
          Lines{"x.conf:3: websockets_path: \"mqtt\" does not begin with a slash, expected a path "
                "such as /mqtt"});
}

TEST_CASE("config protocol: a PROXY header may be asked for in either version") {
    const ConfigResult result = parse(
        "listener 1883\nenable_proxy_protocol 1\nlistener 1884\nenable_proxy_protocol 2\n"
        "proxy_protocol_v2_require_tls true\nlistener 1885\n");
    REQUIRE(result.errors == Lines{});
    CHECK(result.config.listeners[0].proxy_version == 1);
    CHECK(result.config.listeners[1].proxy_version == 2);
    CHECK(result.config.listeners[1].proxy_requires_tls);
    CHECK(result.config.listeners[2].proxy_version == 0);
    CHECK(parse("enable_proxy_protocol 3").errors.size() == 1);
}

TEST_CASE("config protocol: a Unix socket has a path and perhaps a mode") {
    const ConfigResult result =
        parse("listener 0 /run/my broker.sock\nunix_socket_mode 0660\nallow_anonymous true\n");
    REQUIRE(result.errors == Lines{});
    const ListenerConfig& listener = result.config.listeners.front();
    CHECK(listener.unix_path == "/run/my broker.sock");
    CHECK(listener.port == 0);
    CHECK(listener.unix_mode == 0660);
    CHECK(parse("listener 0 /x\nunix_socket_mode 888\n").errors.size() == 1);
    CHECK(parse("listener 0 /x\nunix_socket_mode 1777\n").errors.size() == 1);
}

TEST_CASE("config protocol: two listeners can not share a Unix socket") {
    CHECK(parse("listener 0 /x\nlistener 0 /y\n").errors == Lines{});
    CHECK(parse("listener 0 /x\nlistener 0 /x\n").errors ==
          Lines{"x.conf:2: listener: \"/x\" is taken by listener at x.conf:1, expected a path of "
                "its own"});
}

TEST_CASE("config protocol: what a socket speaks needs a restart and whom it serves does not") {
    const auto restarts = [](const std::string& running, const std::string& wanted) {
        return keys_needing_restart(parse(running).config, parse(wanted).config);
    };
    CHECK(restarts("listener 1\n", "listener 1\nprotocol websockets\n") == Lines{"listener (1)"});
    CHECK(restarts("listener 0 /x\n", "listener 0 /y\n") ==
          Lines{"listener (0 /y)", "listener (0 /x)"});
    CHECK(restarts("listener 1\nprotocol websockets\n",
                   "listener 1\nprotocol websockets\nwebsockets_origin https://a\n") == Lines{});
}
