#include "protocol/packet/publish.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace martlet::protocol;

TEST_CASE("publish: a QoS 1 message comes back from its wire form") {
    PublishView packet;
    packet.qos = QoS::at_least_once;
    packet.packet_id = PacketId{10};
    packet.topic = "a/b";
    packet.payload = as_bytes("hello");
    for (const Version version : {Version::v3_1_1, Version::v5_0}) {
        std::vector<std::byte> wire(encoded_size(packet, version));
        ByteWriter out{wire};
        encode(packet, version, out);
        CHECK(out.written() == wire.size());
        const auto progress = next_frame(wire, 1000);
        REQUIRE(progress.has_value());
        REQUIRE(progress->state == FrameProgress::State::whole);
        const auto decoded = decode_publish(progress->frame, version);
        REQUIRE(decoded.has_value());
        CHECK(decoded->topic == "a/b");
        CHECK(decoded->packet_id == PacketId{10});
        CHECK(as_text(decoded->payload) == "hello");
    }
}
