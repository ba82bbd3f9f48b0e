// What an HTTP request is answered, and when.
#include "server/transport/websocket_handshake.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "tests/transport/websocket_bytes.hpp"

namespace martlet::transport::tests {

namespace {

std::string answer_to(const std::string& request, const WebSocketOptions& options = {},
                      std::size_t piece = 1'000'000) {
    WebSocketHandshake handshake(std::make_shared<const WebSocketOptions>(options));
    for (std::size_t at = 0; at < request.size(); at += piece) {
        const auto bytes =
            std::as_bytes(std::span(request)).subspan(at, std::min(piece, request.size() - at));
        if (handshake.take(bytes)) {
            CHECK(handshake.is_accepted() == handshake.answer().starts_with("HTTP/1.1 101 "));
            return handshake.answer();
        }
    }
    return {};
}

std::string status_of(const std::string& request, const WebSocketOptions& options = {}) {
    const std::string answer = answer_to(request, options);
    CHECK(answer_to(request, options, 1) == answer);
    return answer.substr(0, answer.find("\r\n"));
}

std::string without(std::string request, std::string_view line) {
    const std::size_t at = request.find(line);
    REQUIRE(at != std::string::npos);
    return request.erase(at, request.find("\r\n", at) + 2 - at);
}

std::string with(std::string request, std::string_view old, std::string_view now) {
    const std::size_t at = request.find(old);
    REQUIRE(at != std::string::npos);
    return request.replace(at, old.size(), now);
}

constexpr std::string_view accepted = "HTTP/1.1 101 Switching Protocols";
constexpr std::string_view bad = "HTTP/1.1 400 Bad Request";

}  // namespace

TEST_CASE("websocket handshake: the example of the standard") {
    CHECK(answer_to(upgrade_request()) == upgrade_answer);
}

TEST_CASE("websocket handshake: every part of a request asks for more") {
    const std::string request = upgrade_request();
    for (std::size_t size = 1; size < request.size(); ++size) {
        CHECK(answer_to(request.substr(0, size)) == "");
    }
}

TEST_CASE("websocket handshake: frames behind the request are kept") {
    WebSocketHandshake handshake(std::make_shared<const WebSocketOptions>());
    const std::string bytes = upgrade_request() + "early";
    REQUIRE(handshake.take(std::as_bytes(std::span(bytes))));
    CHECK(handshake.answer() == upgrade_answer);
    CHECK(handshake.take_rest() == "early");
}

TEST_CASE("websocket handshake: the subprotocol is mqtt or what it was called before") {
    const auto offered = [](std::string_view lines) {
        const std::string answer = answer_to(upgrade_request("/", lines));
        const std::size_t at = answer.find("Sec-WebSocket-Protocol: ");
        return at == std::string::npos ? ""
                                       : answer.substr(at + 24, answer.find("\r\n", at) - at - 24);
    };
    CHECK(offered("Sec-WebSocket-Protocol: mqtt\r\n") == "mqtt");
    CHECK(offered("Sec-WebSocket-Protocol: mqttv3.1\r\n") == "mqttv3.1");
    CHECK(offered("Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n") == "mqtt");
    CHECK(offered("Sec-WebSocket-Protocol: chat ,mqtt\r\n") == "mqtt");
    CHECK(offered("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt\r\n") == "mqtt");
    CHECK(offered("Sec-WebSocket-Protocol: MQTT\r\n") == "");
    CHECK(status_of(upgrade_request("/", "")) == bad);
    CHECK(status_of(upgrade_request("/", "Sec-WebSocket-Protocol: chat\r\n")) == bad);
    CHECK(answer_to(upgrade_request("/", ""))
              .ends_with("\r\n\r\nThe subprotocol mqtt has to be "
                         "offered.\n"));
}

TEST_CASE("websocket handshake: what is no upgrade is told what this is") {
    CHECK(answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n").find("This is an MQTT broker") !=
          std::string::npos);
    const std::string good = upgrade_request();
    CHECK(status_of(with(good, "GET", "POST")) == bad);
    CHECK(status_of(with(good, "HTTP/1.1", "HTTP/1.0")) == bad);
    CHECK(status_of(without(good, "Upgrade: websocket")) == bad);
    CHECK(status_of(with(good, "Upgrade: websocket", "Upgrade: h2c")) == bad);
    CHECK(status_of(with(good, "keep-alive, Upgrade", "keep-alive")) == bad);
    CHECK(status_of(with(good, "websocket", "WebSocket")) == accepted);
    CHECK(status_of(with(good, "keep-alive, Upgrade", "upgrade")) == accepted);
}

TEST_CASE("websocket handshake: only version 13 is spoken") {
    const std::string other = with(upgrade_request(), "Version: 13", "Version: 8");
    CHECK(status_of(other) == "HTTP/1.1 426 Upgrade Required");
    CHECK(answer_to(other).find("\r\nSec-WebSocket-Version: 13\r\n") != std::string::npos);
    CHECK(status_of(without(upgrade_request(), "Sec-WebSocket-Version")) ==
          "HTTP/1.1 426 Upgrade Required");
}

TEST_CASE("websocket handshake: the key is 16 bytes in Base64") {
    const std::string good = upgrade_request();
    const std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
    CHECK(status_of(without(good, "Sec-WebSocket-Key")) == bad);
    CHECK(status_of(with(good, key, "dGhlIHNhbXBsZSBub25j")) == bad);
    CHECK(status_of(with(good, key, "dGhlIHNhbXBsZSBub25jZQAA")) == bad);
    CHECK(status_of(with(good, key, "dGhlIHNhbX!sZSBub25jZQ==")) == bad);
}

TEST_CASE("websocket handshake: a path may be asked for") {
    const WebSocketOptions options{.path = "/mqtt"};
    CHECK(status_of(upgrade_request("/mqtt"), options) == accepted);
    CHECK(status_of(upgrade_request("/mqtt?user=1"), options) == accepted);
    CHECK(status_of(upgrade_request("/"), options) == "HTTP/1.1 404 Not Found");
    CHECK(status_of(upgrade_request("/mqtt/"), options) == "HTTP/1.1 404 Not Found");
    CHECK(status_of(upgrade_request("/anything")) == accepted);
}

TEST_CASE("websocket handshake: pages may be restricted by origin") {
    const WebSocketOptions options{.origins = {"https://a.example", "http://b.example:8080"}};
    const auto from = [](const std::string& origin) {
        return upgrade_request("/", "Sec-WebSocket-Protocol: mqtt\r\n" + origin);
    };
    CHECK(status_of(from("Origin: https://a.example\r\n"), options) == accepted);
    CHECK(status_of(from("Origin: HTTP://B.example:8080\r\n"), options) == accepted);
    CHECK(status_of(from("Origin: http://a.example\r\n"), options) == "HTTP/1.1 403 Forbidden");
    CHECK(status_of(from("Origin: https://a.example.evil\r\n"), options) ==
          "HTTP/1.1 403 Forbidden");
    CHECK(status_of(from(""), options) == "HTTP/1.1 403 Forbidden");
    CHECK(status_of(from("Origin: null\r\n")) == accepted);
}

TEST_CASE("websocket handshake: headers are bounded with and without an end") {
    const std::string answer = "HTTP/1.1 431 Request Header Fields Too Large";
    const std::string padding = "X: " + std::string(8192, 'x') + "\r\n";
    CHECK(status_of(upgrade_request("/", padding)) == answer);
    CHECK(status_of("GET / HTTP/1.1\r\n" + padding) == answer);
    const std::size_t size = upgrade_request().size();
    CHECK(status_of(upgrade_request(), {.header_bytes_max = size}) == accepted);
    CHECK(status_of(upgrade_request(), {.header_bytes_max = size - 1}) == answer);
}

TEST_CASE("websocket handshake: what is no HTTP is refused at its first byte or its end") {
    for (const std::string bytes : {"\x10", "\x16\x03\x01", "\n", "get / HTTP/1.1\r\n"}) {
        CHECK(status_of(bytes) == bad);
    }
    CHECK(status_of("GET / HTTP/1.1\r\nno header\r\n\r\n") == bad);
    CHECK(status_of("NONSENSE\r\n\r\n") == bad);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\n b\x01\r\n\r\n") == bad);
}

}  // namespace martlet::transport::tests
