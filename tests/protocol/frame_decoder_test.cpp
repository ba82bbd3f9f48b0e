#include "protocol/frame_decoder.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "protocol/byte_writer.hpp"
#include "protocol/fixed_header.hpp"
#include "tests/support/random.hpp"
#include "tests/support/vectors.hpp"

using namespace martlet::protocol;
using namespace martlet::testing;

namespace {

using Buffer = std::vector<std::byte>;

struct Frame {
    PacketType type{};
    std::uint8_t flags = 0;
    Buffer body;

    friend bool operator==(const Frame&, const Frame&) = default;
};

Frame copy_of(const FrameView& view) {
    return {view.type, view.flags, Buffer(view.body.begin(), view.body.end())};
}

Frame random_frame(Random& random) {
    return {static_cast<PacketType>(1 + random.below(15)),
            static_cast<std::uint8_t>(random.below(16)),
            random.bytes(random.chance(5) ? 20'000 : 200)};
}

Buffer encode_all(const std::vector<Frame>& frames) {
    std::size_t size = 0;
    for (const Frame& frame : frames) {
        size += packet_size(frame.body.size());
    }
    Buffer stream(size);
    ByteWriter out{stream};
    for (const Frame& frame : frames) {
        put_fixed_header(out, frame.type, frame.flags, frame.body.size());
        out.bytes(frame.body);
    }
    return stream;
}

// Reads the stream as a connection does: chunk after chunk, taking off whole packets.
std::vector<Frame> read_in_chunks(const Buffer& stream, Random& random, std::size_t chunk_max) {
    std::vector<Frame> frames;
    Buffer pending;
    for (std::size_t at = 0; at < stream.size();) {
        const std::size_t chunk = std::min(1 + random.below(chunk_max), stream.size() - at);
        const auto from = stream.begin() + static_cast<std::ptrdiff_t>(at);
        pending.insert(pending.end(), from, from + static_cast<std::ptrdiff_t>(chunk));
        at += chunk;
        while (true) {
            const auto progress = next_frame(pending, 1 << 20);
            REQUIRE(progress.has_value());
            if (progress->state == FrameProgress::State::need_more) {
                CHECK((progress->size_known == 0 || progress->size_known > pending.size()));
                break;
            }
            frames.push_back(copy_of(progress->frame));
            pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(
                                                                 progress->frame.whole.size()));
        }
    }
    CHECK(pending.empty());
    return frames;
}

}  // namespace

TEST_CASE("frames: any chunking of a stream yields the same packets") {
    const std::uint64_t seed = seed_for_this_run();
    INFO(replay_hint(seed));
    Random random{seed};
    for (int round = 0; round < 100; ++round) {
        std::vector<Frame> frames;
        for (std::size_t count = random.below(20); count > 0; --count) {
            frames.push_back(random_frame(random));
        }
        const Buffer stream = encode_all(frames);
        for (const std::size_t chunk_max : {1U, 7U, 1'500U, 1U << 20}) {
            if (chunk_max > 1 || stream.size() < 4'000) {
                CHECK(read_in_chunks(stream, random, chunk_max) == frames);
            }
        }
    }
}

TEST_CASE("frames: a packet too large is refused as soon as its length is known") {
    // 300 bytes of body and 3 of header.
    const Buffer header = parse_bytes("30 v:300");
    const auto refused = next_frame(header, 302);
    REQUIRE(refused.has_error());
    CHECK(refused.error().reason == ReasonCode::packet_too_large);
    const auto waiting = next_frame(header, 303);
    REQUIRE(waiting.has_value());
    CHECK(waiting->state == FrameProgress::State::need_more);
    CHECK(waiting->size_known == 303);
    // Before that, nothing is known.
    const auto short_of_length = next_frame(Bytes{header}.first(2), 1);
    REQUIRE(short_of_length.has_value());
    CHECK(short_of_length->size_known == 0);
}

TEST_CASE("frames: the largest Remaining Length is read right") {
    const Buffer header = parse_bytes("30 FF FF FF 7F");
    const auto progress = next_frame(header, varint_max + 5);
    REQUIRE(progress.has_value());
    CHECK(progress->size_known == varint_max + 5);
    CHECK(next_frame(header, varint_max + 4).has_error());
}

TEST_CASE("frames: type 0 is refused at its first byte") {
    const auto refused = next_frame(parse_bytes("0F"), 100);
    REQUIRE(refused.has_error());
    CHECK(refused.error().reason == ReasonCode::malformed_packet);
}

TEST_CASE("frames: a fifth length byte is refused before it arrives") {
    const auto refused = next_frame(parse_bytes("30 80 80 80 80"), 100);
    REQUIRE(refused.has_error());
    CHECK(refused.error().reason == ReasonCode::malformed_packet);
}

TEST_CASE("frames: a padded length is seen but left to the decoders [v5 MQTT-1.5.5-1]") {
    const Buffer padded = parse_bytes("C0 80 00");
    const auto progress = next_frame(padded, 100);
    REQUIRE(progress.has_value());
    CHECK(progress->state == FrameProgress::State::whole);
    CHECK_FALSE(progress->frame.length_is_minimal);
    CHECK(progress->frame.whole.size() == 3);
    const Buffer longest = parse_bytes("C0 v:128 00*128");
    CHECK(next_frame(longest, 1'000)->frame.length_is_minimal);
}

TEST_CASE("frames: bytes behind a packet are left alone") {
    const Buffer bytes = parse_bytes("C0 00 FF FF");
    const auto progress = next_frame(bytes, 100);
    REQUIRE(progress.has_value());
    CHECK(progress->frame.type == PacketType::pingreq);
    CHECK(progress->frame.body.empty());
    CHECK(progress->frame.whole.size() == 2);
}
