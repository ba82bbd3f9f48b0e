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
        packed.add({parts, i + 1000, i % 5 == 0});
    }
    std::size_t offset = 0;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        const PackedPublication read = packed.read(offset);
        CHECK(read.parts.topic == "a/topic");
        CHECK(protocol::as_text(read.parts.payload) == payloads[i]);
        CHECK(read.parts.properties.empty());
        CHECK(read.parts.qos == static_cast<protocol::QoS>(i % 3));
        CHECK(read.parts.retain == (i % 2 == 1));
        CHECK(read.parts.expires_at == Instant(std::chrono::seconds(i)));
        CHECK(read.parts.origin.session == i);
        CHECK(read.parts.origin.connection == ConnectionId{static_cast<std::uint32_t>(i), 7});
        CHECK(read.parts.origin.shard == 3);
        CHECK(read.sequence == i + 1000);
        CHECK(read.is_part == (i % 5 == 0));
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
    packed.add({parts, 0, false});
    Publication shared(parts);
    packed.add({Publication(shared.message()).parts(), 0, false});
    std::size_t offset = 0;
    for (int i = 0; i < 2; ++i) {
        Publication publication(packed.read(offset).parts);
        CHECK(protocol::as_text(publication.forwarded_properties()) == forwarded);
    }
}

}  // namespace
}  // namespace martlet::core
