// Whole connections over WebSocket, plain and secure.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"
#include "tests/transport/tls_client.hpp"
#include "tests/transport/websocket_bytes.hpp"

namespace martlet::transport::tests {

namespace {

TransportOptions websocket_options(core::ShardIndex shards) {
    TransportOptions options = test_options(shards);
    options.listeners[0].websocket.emplace();
    return options;
}

template <class Client>
bool upgrade(Client& client) {
    return client.exchange(upgrade_request(), upgrade_answer.size()) == upgrade_answer;
}

// What so many bytes of packets come in is one message or several.
template <class Client>
std::string receive_packets(Client& client, std::size_t size) {
    std::string packets;
    while (packets.size() < size) {
        const std::string head = client.receive(2);
        if (head.size() < 2) {
            break;
        }
        packets += client.receive(static_cast<unsigned char>(head[1]));
    }
    return packets;
}

const std::string connack_frame = server_frame(binary, connack);
const std::string pingresp_frame = server_frame(binary, pingresp);

}  // namespace

TEST_CASE("websocket: every client works whichever shard is its home") {
    TestBroker broker(websocket_options(4));
    std::vector<RawClient> clients;
    const std::string answer = connack + suback_qos0;
    for (int i = 0; i < 16; ++i) {
        clients.emplace_back(broker.port());
        REQUIRE(upgrade(clients.back()));
        const std::string bytes =
            message(connect("c" + std::to_string(i))) + message(subscribe("t"));
        REQUIRE(clients.back().send(bytes));
        CHECK(receive_packets(clients.back(), answer.size()) == answer);
    }
    CHECK(broker.transport().transport_counters().handed_over > 0);
    const std::string sent = publish("t", std::string(100'000, 'x'));
    REQUIRE(clients[0].send(message(sent)));
    for (RawClient& client : clients) {
        const std::string expected = server_frame(binary, sent);
        CHECK(client.receive(expected.size()) == expected);
    }
}

TEST_CASE("websocket: packets and frames may be split in any way") {
    TestBroker broker(websocket_options(2));
    const std::string packets = connect("split") + pingreq;
    for (std::size_t split = 0; split <= packets.size(); ++split) {
        RawClient client(broker.port());
        REQUIRE(upgrade(client));
        REQUIRE(client.send(frame(binary, packets.substr(0, split))));
        REQUIRE(client.send(frame(final_bit | continuation, packets.substr(split))));
        std::string got;
        while (got.size() < connack.size() + pingresp.size()) {
            const std::string header = client.receive(2);
            REQUIRE(header.size() == 2);
            got += client.receive(static_cast<std::size_t>(header[1]));
        }
        CHECK(got == connack + pingresp);
    }
    RawClient client(broker.port());
    for (const char byte : upgrade_request() + message(connect("drip"))) {
        REQUIRE(client.send(std::string(1, byte)));
    }
    CHECK(client.receive(upgrade_answer.size()) == upgrade_answer);
    CHECK(client.receive(connack_frame.size()) == connack_frame);
}

TEST_CASE("websocket: a goodbye is waited for so that nothing overtakes it") {
    TestBroker broker(websocket_options(1));
    RawClient client(broker.port());
    REQUIRE(upgrade(client));
    REQUIRE(client.exchange(message(connect("polite")), connack_frame.size()) == connack_frame);
    REQUIRE(client.send(message(disconnect)));
    CHECK(client.receive_all() == server_frame(close_frame, close_payload(1000)));
    CHECK(broker.lines().wait_for("disconnected polite"));
    // The end of our side was sent; the connection itself is there until the client's Close.
    CHECK(client.send(frame(final_bit | close_frame, close_payload(1000))));
}

TEST_CASE("websocket: a close without DISCONNECT is an end of stream and is answered") {
    TestBroker broker(websocket_options(1));
    RawClient client(broker.port());
    REQUIRE(upgrade(client));
    REQUIRE(client.exchange(message(connect("short")), connack_frame.size()) == connack_frame);
    REQUIRE(client.send(frame(final_bit | close_frame, "")));
    CHECK(client.receive_all() == server_frame(close_frame, close_payload(1000)));
    CHECK(broker.lines().wait_for(
        "disconnected short " + std::to_string(static_cast<int>(core::CloseReason::peer_closed))));
}

TEST_CASE("websocket: who breaks the rules is told and logged before and after CONNECT") {
    TestBroker broker(websocket_options(1));
    RawClient early(broker.port());
    REQUIRE(upgrade(early));
    REQUIRE(early.send(frame(final_bit | text_frame, connect("text"))));
    CHECK(early.receive_all() == server_frame(close_frame, close_payload(1003)));
    CHECK(broker.lines().wait_for("closed before connect: WebSocket: a text frame"));

    RawClient late(broker.port());
    REQUIRE(upgrade(late));
    REQUIRE(late.exchange(message(connect("late")), connack_frame.size()) == connack_frame);
    REQUIRE(late.send(message(pingreq) + server_frame(binary, pingreq)));
    CHECK(late.receive_all() == pingresp_frame + server_frame(close_frame, close_payload(1002)));
    CHECK(broker.lines().wait_for("disconnected late " + std::to_string(static_cast<int>(
                                                             core::CloseReason::protocol_error))));
}

TEST_CASE("websocket: an upgrade that is refused is answered and counted and logged once a burst") {
    TestBroker broker(websocket_options(1));
    for (int i = 0; i < 3; ++i) {
        RawClient client(broker.port());
        // More than the broker reads before it answers: that must not cost the answer.
        REQUIRE(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(100'000, 'x')));
        CHECK(client.receive_all().starts_with("HTTP/1.1 400 Bad Request\r\n"));
    }
    CHECK(broker.transport().transport_counters().refused_upgrades == 3);
    CHECK(broker.lines().count("upgrade refused: 400 Bad Request: ") == 1);
    RawClient silent(broker.port());
    silent.half_close();
    CHECK(broker.lines().wait_for("closed before connect: end of stream"));
}

TEST_CASE("websocket: a ping is answered while nothing else is sent") {
    TestBroker broker(websocket_options(2));
    RawClient client(broker.port());
    REQUIRE(upgrade(client));
    REQUIRE(client.exchange(message(connect("pinging")), connack_frame.size()) == connack_frame);
    const std::string answer = server_frame(pong, "are you there?");
    CHECK(client.exchange(frame(final_bit | ping, "are you there?"), answer.size()) == answer);
}

TEST_CASE("websocket: pongs reach a client that did not read for a while") {
    TransportOptions options = websocket_options(1);
    options.limits.lag_grace = std::chrono::minutes(1);  // it does read, if late
    TestBroker broker(options);
    RawClient client(broker.port(), 4096);
    REQUIRE(upgrade(client));
    REQUIRE(client.exchange(message(connect("slow") + subscribe("t")), 11) ==
            server_frame(binary, connack + suback_qos0));
    // Far more than the sockets hold, so that output is blocked when the pings come.
    const std::string big = publish("t", std::string(1'000'000, 'b'));
    const std::string big_message = message(big);
    for (int i = 0; i < 8; ++i) {
        REQUIRE(client.send(big_message));
    }
    for (int i = 0; i < 100; ++i) {
        REQUIRE(client.send(frame(final_bit | ping, std::to_string(i))));
    }
    std::size_t payload = 0;
    std::string last_pong;
    while (payload < 8 * big.size() || last_pong != "99") {
        const std::string header = client.receive(2);
        REQUIRE(header.size() == 2);
        std::size_t size = static_cast<unsigned char>(header[1]);
        if (size >= 126) {
            std::size_t length = 0;
            for (const char byte : client.receive(size == 126 ? 2 : 8)) {
                length = length << 8U | static_cast<unsigned char>(byte);
            }
            size = length;
        }
        const std::string content = client.receive(size);
        REQUIRE(content.size() == size);
        if (header[0] == static_cast<char>(final_bit | pong)) {
            last_pong = content;
        } else {
            payload += size;
        }
    }
    CHECK(payload == 8 * big.size());
}

TEST_CASE("websocket: over TLS it is the same") {
    TransportOptions options = websocket_options(3);
    options.listeners[0].tls.emplace();
    options.listeners[0].tls->certfile = TestCertificates::instance().path("server.pem");
    options.listeners[0].tls->keyfile = TestCertificates::instance().path("server.key");
    TestBroker broker(options);
    REQUIRE(!broker.error());
    for (int i = 0; i < 6; ++i) {
        TlsClient client(broker.port());
        REQUIRE(client.is_connected());
        REQUIRE(upgrade(client));
        const std::string answer = connack + suback_qos0;
        REQUIRE(client.send(message(connect("s" + std::to_string(i)) + subscribe("own"))));
        CHECK(receive_packets(client, answer.size()) == answer);
        const std::string sent = publish("own", std::string(200'000, 'y'));
        const std::string expected = server_frame(binary, sent);
        CHECK(client.exchange(message(sent), expected.size()) == expected);
        REQUIRE(client.send(message(disconnect)));
        CHECK(client.receive(4) == server_frame(close_frame, close_payload(1000)));
        CHECK(client.sees_goodbye());
    }
    TlsClient plain(broker.port());
    REQUIRE(plain.send(connect("no HTTP")));
    CHECK(plain.receive(24) == "HTTP/1.1 400 Bad Request");
}

TEST_CASE("websocket: stopping the broker says that it goes away") {
    TestBroker broker(websocket_options(2));
    RawClient client(broker.port());
    REQUIRE(upgrade(client));
    REQUIRE(client.exchange(message(connect("stays")), connack_frame.size()) == connack_frame);
    std::thread stopping([&] { broker.transport().stop(); });
    CHECK(client.receive_all() == server_frame(close_frame, close_payload(1001)));
    client.close();
    stopping.join();
}

TEST_CASE("websocket: a reload changes which pages may connect") {
    TransportOptions options = websocket_options(1);
    TestBroker broker(options);
    ReloadOptions reload;
    reload.listeners = options.listeners;
    reload.listeners[0].websocket->origins = {"https://a.example"};
    REQUIRE(!broker.transport().reload(reload));
    RawClient client(broker.port());
    REQUIRE(client.send(upgrade_request()));
    CHECK(client.receive_all().starts_with("HTTP/1.1 403 Forbidden\r\n"));
}

}  // namespace martlet::transport::tests
