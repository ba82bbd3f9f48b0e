// What a listener binds, and how it says that it cannot.
#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include <string>

#include "server/transport/listening_sockets.hpp"
#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"

namespace martlet::transport::tests {

namespace {

bool connects_to_ipv6(std::uint16_t port) {
    const OwnedFd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
           0;
}

bool machine_has_ipv6() {
    BindOptions options;
    options.address = "::1";
    options.port = 0;
    return bind_listener(options).error.empty();
}

}  // namespace

TEST_CASE("bind: a port in use is told and nothing is left bound") {
    TestBroker first(1);
    TransportOptions options = test_options(1);
    options.listeners.push_back(options.listeners[0]);
    options.listeners[1].bind.port = first.port();
    TestBroker second(options);
    REQUIRE(second.error());
    CHECK(*second.error() ==
          "127.0.0.1:" + std::to_string(first.port()) + ": Address already in use");
}

TEST_CASE("bind: a listener without an address is on every address of both IP versions") {
    for (const bool loopback_only : {false, true}) {
        BindOptions options;
        options.port = 0;
        options.is_loopback_only = loopback_only;
        const ListeningSockets bound = bind_listener(options);
        REQUIRE(bound.error == "");
        CHECK(connect_socket(bound.port));
        CHECK(bound.sockets.size() == (machine_has_ipv6() ? 2 : 1));
        if (machine_has_ipv6()) {
            CHECK(connects_to_ipv6(bound.port));
        }
    }
}

TEST_CASE("bind: a listener may keep to one IP version") {
    BindOptions options;
    options.port = 0;
    options.family = AddressFamily::ipv4;
    const ListeningSockets bound = bind_listener(options);
    REQUIRE(bound.error == "");
    CHECK(bound.sockets.size() == 1);
    CHECK(connect_socket(bound.port));
}

TEST_CASE("bind: an address that is none of ours and a name that nobody knows") {
    BindOptions options;
    options.address = "192.0.2.1";
    options.port = 1883;
    CHECK(bind_listener(options).error == "192.0.2.1:1883: Cannot assign requested address");
    options.address = "no such host";
    CHECK(bind_listener(options).error.starts_with("no such host:1883: "));
}

TEST_CASE("bind: accepted sockets inherit TCP_NODELAY") {
    BindOptions options;
    options.address = "127.0.0.1";
    options.port = 0;
    const ListeningSockets bound = bind_listener(options);
    const OwnedFd client = connect_socket(bound.port);
    REQUIRE(client);
    // The connection is in the backlog once connect() has returned.
    const OwnedFd accepted(::accept(bound.sockets[0].get(), nullptr, nullptr));
    REQUIRE(accepted);
    int value = 0;
    socklen_t size = sizeof(value);
    ::getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size);
    CHECK(value == 1);
}

}  // namespace martlet::transport::tests
