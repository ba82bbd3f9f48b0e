#include "protocol/packet/publish.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/allocations.hpp"
#include "tests/support/vectors.hpp"

using namespace martlet::protocol;
using namespace martlet::testing;

namespace {

using Buffer = std::vector<std::byte>;

Buffer wire_of(const PublishView& packet, Version version) {
    Buffer wire(encoded_size(packet, version));
    ByteWriter out{wire};
    encode(packet, version, out);
    return wire;
}

Result<PublishView> decode_whole(const Buffer& wire, Version version) {
    const auto progress = next_frame(wire, 1 << 20);
    REQUIRE(progress.has_value());
    REQUIRE(progress->state == FrameProgress::State::whole);
    return decode_publish(progress->frame, version);
}

// The reason for which a PUBLISH with this topic is refused; success if it is not.
ReasonCode verdict_on(std::string_view topic) {
    PublishView packet;
    packet.topic = topic;
    const Buffer wire = wire_of(packet, Version::v3_1_1);
    const auto decoded = decode_whole(wire, Version::v3_1_1);
    return decoded ? ReasonCode::success : decoded.error().reason;
}

}  // namespace

TEST_CASE(
    "publish: one bad byte is found at every place of a topic of any length "
    "[v3.1.1 MQTT-3.3.2-1] [v3.1.1 MQTT-3.3.2-2] [v5 MQTT-3.3.2-1] [v5 MQTT-3.3.2-2]") {
    for (std::size_t size = 1; size < 36; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string topic(size, 'a');
            CHECK(verdict_on(topic) == ReasonCode::success);
            for (const char wildcard : {'+', '#'}) {
                topic[at] = wildcard;
                CHECK(verdict_on(topic) == ReasonCode::topic_name_invalid);
            }
            for (const char ill_formed : {'\0', '\x80', '\xFF', '\xC3'}) {
                topic[at] = ill_formed;
                CHECK(verdict_on(topic) == ReasonCode::malformed_packet);
            }
            for (const char innocent : {'\x01', '*', ',', '"', '$', '\x7F', '/', ' '}) {
                topic[at] = innocent;
                CHECK(verdict_on(topic) == ReasonCode::success);
            }
        }
    }
}

TEST_CASE("publish: a topic of 65535 bytes is decoded [v3.1.1 MQTT-4.7.3-3]") {
    const std::string topic(65'535, 'x');
    CHECK(verdict_on(topic) == ReasonCode::success);
}

TEST_CASE("publish: the views borrow from the frame") {
    const Buffer wire = parse_bytes("32 v{ s'a/b' u16:7 v{ 26 s'k' s'v' } 'payload' }");
    const auto packet = decode_whole(wire, Version::v5_0);
    REQUIRE(packet.has_value());
    CHECK(as_bytes(packet->topic).data() == wire.data() + 4);
    CHECK(packet->properties.data() == wire.data() + 10);
    CHECK(packet->payload.data() == wire.data() + 17);
}

TEST_CASE("publish: decoding and encoding allocate nothing") {
    const Buffer wire = parse_bytes("32 v{ s'Küche/b' u16:7 v{ 02 u32:9 26 s'k' s'v' } 'x'*64 }");
    const Buffer broken = parse_bytes("32 v{ s'a/#' u16:7 v{ 02 u32:9 26 s'k' s'v' } 'x'*64 }");
    Buffer again(wire.size());
    const std::uint64_t before = allocation_count();
    const auto progress = next_frame(wire, 1'000);
    const auto packet = decode_publish(progress->frame, Version::v5_0);
    const auto refused = decode_publish(next_frame(broken, 1'000)->frame, Version::v5_0);
    ByteWriter out{again};
    encode(*packet, Version::v5_0, out);
    const std::uint64_t after = allocation_count();
    CHECK(before == after);
    CHECK(before > 0);  // else nothing is counted
    CHECK(again == wire);
    CHECK(refused.has_error());
}
