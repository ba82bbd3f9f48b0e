#include "server/core/packed_publications.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "server/core/publication.hpp"

namespace martlet::core {
namespace {

protocol::Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

TEST_CASE("packed publications: each is read as it was added") {
    PackedPublications packed;
    CHECK(packed.size_bytes() == 0);
    std::vector<std::string> payloads;
    for (std::size_t i = 0; i < 100; ++i) {
        payloads.emplace_back(i * 20, static_cast<char>('a' + i % 26));
    }
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        MessageParts parts;
        parts.topic = "a/topic";
        parts.payload = bytes_of(payloads[i]);
        parts.qos = static_cast<protocol::QoS>(i % 3);
        parts.retain = i % 2 == 1;
        parts.expires_at = Instant(std::chrono::seconds(i));
        parts.origin = {i, {static_cast<std::uint32_t>(i), 7}, 3};
        REQUIRE(PackedPublications::is_small(parts));
        packed.add(Publication(parts), i + 1000, i % 5 == 0);
    }
    std::size_t offset = 0;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        const PackedPublication& read = packed.read(offset);
        const Publication publication = read.publication();
        CHECK(publication.topic() == "a/topic");
        CHECK(protocol::as_text(publication.payload()) == payloads[i]);
        CHECK(publication.parts().properties.empty());
        CHECK(publication.qos() == static_cast<protocol::QoS>(i % 3));
        CHECK(publication.retain() == (i % 2 == 1));
        CHECK(publication.expires_at() == Instant(std::chrono::seconds(i)));
        CHECK(publication.origin().session == i);
        CHECK(publication.origin().connection == ConnectionId{static_cast<std::uint32_t>(i), 7});
        CHECK(publication.origin().shard == 3);
        CHECK(read.sequence() == i + 1000);
        CHECK(read.is_part() == (i % 5 == 0));
    }
    CHECK(offset == packed.size_bytes());
}

// User Property a=b, and a Topic Alias, which is the publisher's own.
TEST_CASE("packed publications: of the properties those arrive that are forwarded") {
    constexpr std::string_view received("\x23\x00\x05\x26\x00\x01\x61\x00\x01\x62", 10);
    constexpr std::string_view forwarded("\x26\x00\x01\x61\x00\x01\x62", 7);
    MessageParts parts;
    parts.topic = "t";
    parts.properties = bytes_of(received);
    PackedPublications packed;
    packed.add(Publication(parts), 0, false);
    packed.add(Publication(Publication(parts).message()), 0, false);
    std::size_t offset = 0;
    for (int i = 0; i < 2; ++i) {
        Publication publication = packed.read(offset).publication();
        CHECK(protocol::as_text(publication.forwarded_properties()) == forwarded);
    }
}

std::string plain_body(const Publication& publication, bool is_v5) {
    return std::string(protocol::as_text(publication.plain_body(is_v5)));
}

// As a client of MQTT 5 or of 3.1.1 sent it, at QoS 0 without properties; in pieces, and shared.
TEST_CASE("packed publications: a body that came in one piece is there in one piece") {
    constexpr std::string_view v5("\0\1t\0payload", 11);
    constexpr std::string_view v3("\0\1tpayload", 10);
    const auto received = [](std::string_view body) {
        protocol::PublishView publish;
        publish.topic = body.substr(2, 1);
        publish.payload = bytes_of(body.substr(body.size() - 7));
        publish.is_plain = true;
        return Publication(publish, {}, never);
    };
    MessageParts parts;
    parts.topic = "t";
    parts.payload = bytes_of("payload");
    PackedPublications packed;
    packed.add(received(v5), 0, false);
    packed.add(received(v3), 0, false);
    packed.add(Publication(parts), 0, false);
    packed.add(Publication(Publication(parts).message()), 0, false);
    std::size_t offset = 0;
    const Publication from_v5 = packed.read(offset).publication();
    CHECK(protocol::as_text(from_v5.payload()) == "payload");
    CHECK(plain_body(from_v5, true) == v5);
    CHECK(plain_body(from_v5, false).empty());
    while (offset < packed.size_bytes()) {
        const Publication publication = packed.read(offset).publication();
        CHECK(publication.topic() == "t");
        CHECK(plain_body(publication, true).empty());
        CHECK(plain_body(publication, false) == v3);
    }
}

}  // namespace
}  // namespace martlet::core
