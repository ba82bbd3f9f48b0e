// The transport's small parts, each alone.
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <chrono>
#include <cstring>
#include <string_view>

#include "server/transport/admission.hpp"
#include "server/transport/burst_gate.hpp"
#include "server/transport/kept_bytes.hpp"
#include "server/transport/socket_address.hpp"

namespace martlet::transport::tests {

namespace {

protocol::Bytes bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string_view text(const KeptBytes& kept) {
    return {reinterpret_cast<const char*>(kept.bytes().data()), kept.size()};
}

core::Instant at_second(int second) {
    return core::Instant(std::chrono::seconds(second));
}

}  // namespace

TEST_CASE("kept bytes: what is dropped at the front is what came first") {
    KeptBytes kept;
    CHECK(kept.empty());
    kept.append(bytes("abc"));
    kept.append(bytes("defgh"));
    kept.drop_front(2);
    CHECK(text(kept) == "cdefgh");
    const std::span<std::byte> room = kept.room(3);
    std::memcpy(room.data(), "ijk", 3);
    kept.commit(3);
    CHECK(text(kept) == "cdefghijk");
    kept.assign(bytes("xy"));
    CHECK(text(kept) == "xy");
    kept.drop_front(2);
    CHECK(kept.empty());
    kept.assign({});
    CHECK(kept.empty());
}

TEST_CASE("burst gate: one line a burst and a count of the rest") {
    BurstGate gate;
    CHECK(gate.admit(at_second(5)) == 0);
    CHECK(!gate.admit(at_second(6)));
    CHECK(!gate.admit(at_second(14)));
    CHECK(gate.admit(at_second(15)) == 2);
    CHECK(!gate.admit(at_second(16)));
}

TEST_CASE("admission: a part never lets in more than the whole") {
    Admission whole(nullptr);
    Admission one(&whole);
    Admission other(&whole);
    whole.set_limit(2);
    one.set_limit(1);
    AdmissionTicket first = one.admit();
    CHECK(first);
    CHECK(!one.admit());
    AdmissionTicket second = other.admit();
    CHECK(second);
    CHECK(!other.admit());
    CHECK(whole.count() == 2);
    first = {};
    CHECK(whole.count() == 1);
    CHECK(one.count() == 0);
    CHECK(other.admit());
}

TEST_CASE("addresses: as people write them") {
    sockaddr_storage storage{};
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(1883);
    ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&storage, &ipv4, sizeof(ipv4));
    CHECK(address_text(storage) == "127.0.0.1:1883");
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(8883);
    ipv6.sin6_addr = in6addr_loopback;
    std::memcpy(&storage, &ipv6, sizeof(ipv6));
    CHECK(address_text(storage) == "[::1]:8883");
    CHECK(port_of(storage) == 8883);
    ipv6.sin6_addr.s6_addr[15] = 9;
    ipv6.sin6_addr.s6_addr[12] = 10;
    ipv6.sin6_addr.s6_addr[11] = ipv6.sin6_addr.s6_addr[10] = 0xFF;
    std::memcpy(&storage, &ipv6, sizeof(ipv6));
    CHECK(address_text(storage) == "10.0.0.9:8883");
    CHECK(address_text("localhost", 1) == "localhost:1");
    CHECK(address_text("::1", 1) == "[::1]:1");
}

}  // namespace martlet::transport::tests
