// Headers of proxies, true and false, and connections behind them.
#include "server/transport/proxy_protocol.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"
#include "tests/transport/tls_client.hpp"
#include "tests/transport/websocket_bytes.hpp"

namespace martlet::transport::tests {

namespace {

using State = ProxyHeader::State;

constexpr ProxyRequirement version_1{1, false};
constexpr ProxyRequirement version_2{2, false};
constexpr ProxyRequirement version_2_tls{2, true};

ProxyHeader parse(std::string_view bytes, const ProxyRequirement& requirement) {
    return parse_proxy_header(std::as_bytes(std::span(bytes)), requirement);
}

// Version 2, with the command and kind as the standard writes them.
std::string header(int command, int kind, const std::string& rest) {
    return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + static_cast<char>(command) +
           static_cast<char>(kind) + big_endian(rest.size(), 2) + rest;
}

constexpr int local = 0x20;
constexpr int proxied = 0x21;
constexpr int ipv4 = 0x11;

const std::string ipv4_addresses("\xC0\x00\x02\x05\x7F\x00\x00\x01\x18\x83\x07\x5B", 12);

std::string extra(int type, const std::string& value) {
    return static_cast<char>(type) + big_endian(value.size(), 2) + value;
}

const std::string over_tls = extra(0x20, std::string("\x01\x00\x00\x00\x00", 5));

// A whole header: the peer it names, and that each part of it asks for more.
std::string peer_of(const std::string& bytes, const ProxyRequirement& requirement) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(parse(std::string_view(bytes).substr(0, size), requirement).state ==
              State::need_more);
    }
    const ProxyHeader whole = parse(bytes + "\x10\x0C more", requirement);
    CHECK(whole.state == State::complete);
    CHECK(whole.size == bytes.size());
    return whole.peer;
}

bool is_wrong(const std::string& bytes, const ProxyRequirement& requirement) {
    const ProxyHeader result = parse(bytes, requirement);
    CHECK(result.what.starts_with("PROXY header: ") == (result.state == State::wrong));
    return result.state == State::wrong;
}

TransportOptions proxied_options(const ProxyRequirement& requirement) {
    TransportOptions options = test_options(2);
    options.listeners[0].proxy = requirement;
    return options;
}

}  // namespace

TEST_CASE("proxy protocol: lines of version 1 name the client") {
    CHECK(peer_of("PROXY TCP4 192.0.2.5 127.0.0.1 6275 1883\r\n", version_1) == "192.0.2.5:6275");
    CHECK(peer_of("PROXY TCP6 2001:db8::5 ::1 65535 1883\r\n", version_1) == "[2001:db8::5]:65535");
    CHECK(peer_of("PROXY UNKNOWN\r\n", version_1) == "");
    CHECK(peer_of("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", version_1) == "");
    const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    const std::string line = "PROXY TCP6 " + longest + " " + longest + " 65535 65535\r\n";
    CHECK(peer_of(line, version_1) == "[" + longest + "]:65535");
    CHECK(line.size() <= proxy_line_max);
}

TEST_CASE("proxy protocol: lines of version 1 that are not right") {
    for (const char* const line :
         {"PROXY TCP4 192.0.2.5 127.0.0.1 6275\r\n", "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1 2\r\n",
          "PROXY TCP4 192.0.2.256 127.0.0.1 1 2\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
          "PROXY TCP6 192.0.2.5 127.0.0.1 1 2\r\n", "PROXY TCP4  192.0.2.5 127.0.0.1 1 2\r\n",
          "PROXY TCP4 192.0.2.5 127.0.0.1 65536 2\r\n", "PROXY TCP4 192.0.2.5 127.0.0.1 01 2\r\n",
          "PROXY TCP4 192.0.2.5 127.0.0.1 -1 2\r\n", "PROXY TCP4 192.0.2.5 127.0.0.1 1 2 \r\n",
          "PROXY TCP4 192.0.2.5 127.0.0.1 1 2\n\r\n", "PROXY UDP4 192.0.2.5 127.0.0.1 1 2\r\n",
          "PROXY \r\n", "PROXY\r\n", "proxy TCP4 192.0.2.5 127.0.0.1 1 2\r\n", "\x10", "GET /"}) {
        CAPTURE(line);
        CHECK(is_wrong(line, version_1));
    }
    CHECK(is_wrong("PROXY UNKNOWN " + std::string(proxy_line_max, 'x'), version_1));
    CHECK(is_wrong("PROXY UNKNOWN " + std::string(proxy_line_max, 'x') + "\r\n", version_1));
    CHECK(is_wrong(header(local, 0, ""), version_1));
}

TEST_CASE("proxy protocol: headers of version 2 name the client") {
    CHECK(peer_of(header(proxied, ipv4, ipv4_addresses), version_2) == "192.0.2.5:6275");
    const std::string ipv6 = "\x20\x01\x0D\xB8" + std::string(11, '\0') + "\x05" +
                             std::string(15, '\0') + "\x01\x18\x83\x07\x5B";
    CHECK(peer_of(header(proxied, 0x21, ipv6), version_2) == "[2001:db8::5]:6275");
    CHECK(peer_of(header(proxied, 0x31, std::string(216, 'u')), version_2) == "");
    CHECK(peer_of(header(proxied, 0x00, "whatever"), version_2) == "");
    CHECK(peer_of(header(local, 0x00, ""), version_2) == "");
    CHECK(peer_of(header(local, ipv4, ipv4_addresses), version_2) == "");
}

TEST_CASE("proxy protocol: what follows the addresses is skipped if it is whole") {
    const std::string extras = extra(0x04, "padding") + over_tls + extra(0xEA, "vpce-1");
    CHECK(peer_of(header(proxied, ipv4, ipv4_addresses + extras), version_2) == "192.0.2.5:6275");
    CHECK(is_wrong(header(proxied, ipv4, ipv4_addresses + "\x04"), version_2));
    CHECK(is_wrong(header(proxied, ipv4, ipv4_addresses + "\x04\x01\xFF"), version_2));
}

TEST_CASE("proxy protocol: a checksum has to be right") {
    // Made by an implementation of CRC-32C that is not ours.
    const std::string good = header(proxied, ipv4, ipv4_addresses + extra(3, "\x77\xA2\x62\x03"));
    CHECK(parse(good, version_2).state == State::complete);
    for (const std::size_t at : {16, 24, 31, 32, 34}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        CHECK(is_wrong(bad, version_2));
    }
    CHECK(is_wrong(header(proxied, ipv4, ipv4_addresses + extra(3, "abc")), version_2));
}

TEST_CASE("proxy protocol: headers of version 2 that are not right") {
    CHECK(is_wrong("PROXY TCP4 192.0.2.5 127.0.0.1 6275 1883\r\n", version_2));
    CHECK(is_wrong("\x10", version_2));
    CHECK(is_wrong(header(0x11, ipv4, ipv4_addresses).substr(0, 13), version_2));
    CHECK(is_wrong(header(0x22, ipv4, ipv4_addresses).substr(0, 13), version_2));
    for (const int kind : {0x12, 0x22, 0x32, 0x13, 0x41, 0x01, 0x10}) {
        CHECK(is_wrong(header(proxied, kind, std::string(216, '\0')), version_2));
    }
    CHECK(is_wrong(header(proxied, ipv4, ipv4_addresses.substr(1)), version_2));
    CHECK(is_wrong(header(proxied, 0x21, ipv4_addresses), version_2));
    CHECK(is_wrong(header(proxied, 0x31, ipv4_addresses), version_2));
    // Told by its length, before it has come.
    CHECK(is_wrong(header(proxied, ipv4, std::string(2048, 'x')).substr(0, 16), version_2));
}

TEST_CASE("proxy protocol: TLS up to the proxy may be required") {
    CHECK(peer_of(header(proxied, ipv4, ipv4_addresses + over_tls), version_2_tls) ==
          "192.0.2.5:6275");
    CHECK(is_wrong(header(proxied, ipv4, ipv4_addresses), version_2_tls));
    CHECK(is_wrong(
        header(proxied, ipv4, ipv4_addresses + extra(0x20, std::string("\x02\0\0\0\0", 5))),
        version_2_tls));
    CHECK(is_wrong(header(proxied, 0x00, ""), version_2_tls));
}

TEST_CASE("proxy protocol: the core is told the client's address") {
    const std::vector<std::pair<ProxyRequirement, std::string>> headers{
        {version_1, "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1883\r\n"},
        {version_2, header(proxied, ipv4, ipv4_addresses)}};
    for (const auto& [requirement, bytes] : headers) {
        TestBroker broker(proxied_options(requirement));
        RawClient whole(broker.port());
        CHECK(whole.exchange(bytes + connect("whole"), 4) == connack);
        RawClient dripping(broker.port());
        for (const char byte : bytes + connect("drip")) {
            REQUIRE(dripping.send(std::string(1, byte)));
        }
        CHECK(dripping.receive(4) == connack);
        CHECK(broker.access().peers() ==
              std::vector<std::string>{"192.0.2.5:6275", "192.0.2.5:6275"});
    }
}

TEST_CASE("proxy protocol: without an address it is the proxy's own") {
    TestBroker broker(proxied_options(version_2));
    RawClient client(broker.port());
    CHECK(client.exchange(header(local, 0, "") + connect("a"), 4) == connack);
    REQUIRE(broker.access().peers().size() == 1);
    CHECK(broker.access().peers().front().starts_with("127.0.0.1:"));
}

TEST_CASE("proxy protocol: a missing header ends the connection and is logged once a burst") {
    TestBroker broker(proxied_options(version_2));
    for (int i = 0; i < 3; ++i) {
        RawClient client(broker.port());
        REQUIRE(client.send(connect("direct")));
        CHECK(client.receive_all() == "");
    }
    CHECK(broker.transport().transport_counters().refused_proxy_headers == 3);
    CHECK(broker.lines().count("proxy header refused: PROXY header: there is none") >= 1);
    CHECK(broker.lines().count("proxy header refused: ") <= 2);  // once for each shard
    RawClient silent(broker.port());
    silent.half_close();
    CHECK(broker.lines().wait_for("closed before connect: end of stream"));
}

TEST_CASE("proxy protocol: TLS and WebSocket begin exactly behind the header") {
    TransportOptions options = proxied_options(version_1);
    options.listeners[0].websocket.emplace();
    options.listeners[0].tls.emplace();
    options.listeners[0].tls->certfile = TestCertificates::instance().path("server.pem");
    options.listeners[0].tls->keyfile = TestCertificates::instance().path("server.key");
    TestBroker broker(options);
    REQUIRE(!broker.error());
    TlsClient::Options client_options;
    client_options.before_tls = "PROXY TCP4 192.0.2.5 127.0.0.1 6275 8884\r\n";
    TlsClient client(broker.port(), client_options);
    REQUIRE(client.is_connected());
    CHECK(client.exchange(upgrade_request(), upgrade_answer.size()) == upgrade_answer);
    const std::string answer = server_frame(binary, connack);
    CHECK(client.exchange(message(connect("deep")), answer.size()) == answer);
    CHECK(broker.access().peers() == std::vector<std::string>{"192.0.2.5:6275"});
}

}  // namespace martlet::transport::tests
