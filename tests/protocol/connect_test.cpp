#include "protocol/packet/connect.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "protocol/packet/connack.hpp"
#include "tests/support/vectors.hpp"

using namespace martlet::protocol;
using martlet::testing::parse_bytes;

namespace {

std::optional<Version> version_seen(std::string_view notation) {
    const auto bytes = parse_bytes(notation);
    const auto progress = next_frame(bytes, 1'000);
    REQUIRE(progress.has_value());
    std::optional<Version> seen;
    const auto packet = decode_connect(progress->frame, &seen);
    CHECK(packet.has_value() == decode_connect(progress->frame, nullptr).has_value());
    return seen;
}

}  // namespace

TEST_CASE("connect: the version is known even if the rest of the packet is refused") {
    CHECK(version_seen("10 v{ s'MQTT' 05 02 u16:10 v{ } s'a' }") == Version::v5_0);
    CHECK(version_seen("10 v{ s'MQTT' 05 03 u16:10 v{ } s'a' }") == Version::v5_0);
    CHECK(version_seen("1F v{ s'MQTT' 05 02 u16:10 v{ } s'a' }") == Version::v5_0);
    CHECK(version_seen("10 v{ s'MQTT' 04 }") == Version::v3_1_1);
    CHECK(version_seen("10 v{ s'MQIsdp' 03 }") == Version::v3_1);
}

TEST_CASE("connect: an unknown level or name leaves the version open [v3.1.1 MQTT-3.1.2-2]") {
    CHECK_FALSE(version_seen("10 v{ s'MQTT' 06 02 u16:10 v{ } s'a' }").has_value());
    CHECK_FALSE(version_seen("10 v{ s'MQTT' 03 02 u16:10 s'a' }").has_value());
    CHECK_FALSE(version_seen("10 v{ s'HTTP' 04 02 u16:10 s'a' }").has_value());
    CHECK_FALSE(version_seen("10 v{ s'MQTT' }").has_value());
}

TEST_CASE("connack: a refusal never claims a session [v3.1.1 MQTT-3.2.2-4] [v5 MQTT-3.2.2-6]") {
    ConnackView packet;
    packet.session_present = true;
    packet.reason = ReasonCode::not_authorized;
    std::vector<std::byte> bytes(encoded_size(packet, Version::v3_1_1));
    ByteWriter out{bytes};
    encode(packet, Version::v3_1_1, out);
    CHECK(bytes == parse_bytes("20 v{ 00 05 }"));
}

TEST_CASE("connack: 3.1 has no session present flag and no property is put before v5") {
    ConnackView packet;
    packet.session_present = true;
    packet.receive_maximum = std::uint16_t{10};
    std::vector<std::byte> bytes(encoded_size(packet, Version::v3_1));
    ByteWriter out{bytes};
    encode(packet, Version::v3_1, out);
    CHECK(bytes == parse_bytes("20 v{ 00 00 }"));
}

TEST_CASE("connack: maximum QoS 2 is the default and never put [v5 MQTT-3.2.2-9]") {
    ConnackView packet;
    packet.maximum_qos = QoS::exactly_once;
    std::vector<std::byte> bytes(encoded_size(packet, Version::v5_0));
    ByteWriter out{bytes};
    encode(packet, Version::v5_0, out);
    CHECK(bytes == parse_bytes("20 v{ 00 00 v{ } }"));
}
