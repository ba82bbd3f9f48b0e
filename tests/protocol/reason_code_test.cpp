#include "protocol/reason_code.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/vectors.hpp"

using namespace martlet::protocol;
using martlet::testing::parse_bytes;

TEST_CASE(
    "reason codes: each packet carries those of its table [v5 MQTT-3.2.2-8] "
    "[v5 MQTT-3.4.2-1] [v5 MQTT-3.5.2-1] [v5 MQTT-3.6.2-1] [v5 MQTT-3.7.2-1] "
    "[v5 MQTT-3.9.3-2] [v5 MQTT-3.11.3-2] [v5 MQTT-3.15.2-1]") {
    const std::vector<std::pair<PacketType, const char*>> tables{
        {PacketType::connect, ""},
        {PacketType::connack, "00 80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F"},
        {PacketType::publish, ""},
        {PacketType::puback, "00 10 80 83 87 90 91 97 99"},
        {PacketType::pubrec, "00 10 80 83 87 90 91 97 99"},
        {PacketType::pubrel, "00 92"},
        {PacketType::pubcomp, "00 92"},
        {PacketType::subscribe, ""},
        {PacketType::suback, "00 01 02 80 83 87 8F 91 97 9E A1 A2"},
        {PacketType::unsubscribe, ""},
        {PacketType::unsuback, "00 11 80 83 87 8F 91"},
        {PacketType::disconnect,
         "00 04 80 81 82 83 87 89 8B 8C 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 "
         "A2"},
        {PacketType::auth, "00 18 19"},
    };
    for (const auto& table : tables) {
        const PacketType type = table.first;
        const std::vector<std::byte> permitted = parse_bytes(table.second);
        for (unsigned value = 0; value < 256; ++value) {
            CAPTURE(to_string(type));
            CAPTURE(value);
            const bool expected = std::find(permitted.begin(), permitted.end(),
                                            static_cast<std::byte>(value)) != permitted.end();
            CHECK(allows(ReasonCode{static_cast<std::uint8_t>(value)}, type) == expected);
        }
    }
}

TEST_CASE("reason codes: names are those of the specification") {
    CHECK(std::string{to_string(ReasonCode::session_taken_over)} == "Session taken over");
    CHECK(std::string{to_string(ReasonCode::malformed_packet)} == "Malformed Packet");
    CHECK(std::string{to_string(ReasonCode{0x7F})} == "unknown reason code");
    CHECK(std::string{to_string(PacketType::pubrel)} == "PUBREL");
}

TEST_CASE("return codes: every refusal has one of 3.1.1 [v3.1.1 MQTT-3.2.2-4]") {
    CHECK(to_v3_return_code(ReasonCode::success) == 0);
    CHECK(to_v3_return_code(ReasonCode::unsupported_protocol_version) == 1);
    CHECK(to_v3_return_code(ReasonCode::client_identifier_not_valid) == 2);
    CHECK(to_v3_return_code(ReasonCode::server_unavailable) == 3);
    CHECK(to_v3_return_code(ReasonCode::server_busy) == 3);
    CHECK(to_v3_return_code(ReasonCode::bad_user_name_or_password) == 4);
    CHECK(to_v3_return_code(ReasonCode::not_authorized) == 5);
    CHECK(to_v3_return_code(ReasonCode::banned) == 5);
    for (unsigned value = 0x80; value < 0x100; ++value) {
        const std::uint8_t code = to_v3_return_code(ReasonCode{static_cast<std::uint8_t>(value)});
        CHECK(code >= 1);
        CHECK(code <= 5);
    }
}
