// Every golden packet of tests/vectors/: decoded, encoded again, cut short and damaged. The
// statements that a vector is about stand in its file.
#include "tests/support/vectors.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "protocol/byte_writer.hpp"
#include "protocol/frame_decoder.hpp"
#include "tests/support/packet_text.hpp"

using namespace martlet::protocol;
using namespace martlet::testing;

namespace {

constexpr std::size_t packet_size_max = 1 << 20;

using Buffer = std::vector<std::byte>;

const std::vector<Vector>& vectors() {
    static const std::vector<Vector> all = load_all_vectors();
    return all;
}

template <class Check>
void for_each_vector(Check check) {
    for (const Vector& vector : vectors()) {
        for (const Version version : vector.versions) {
            INFO(vector.name, " [", vector.spec, "] level ", static_cast<int>(version));
            check(vector, version);
        }
    }
}

// What a receiver makes of the bytes: the packet as text, "need_more" or "error REASON".
std::string outcome(Bytes bytes, Version version, Sender sender) {
    const auto progress = next_frame(bytes, packet_size_max);
    if (!progress) {
        return "error " + reason_name(progress.error().reason);
    }
    if (progress->state == FrameProgress::State::need_more) {
        return "need_more";
    }
    const auto packet = decode_to_text(progress->frame, version, sender);
    return packet ? packet->text : "error " + reason_name(packet.error().reason);
}

bool contains_word(const std::vector<std::string>& words, const std::string& word) {
    if (!word.starts_with('!')) {
        return std::find(words.begin(), words.end(), word) != words.end();
    }
    const std::string field = word.substr(1) + "=";
    return std::none_of(words.begin(), words.end(),
                        [&](const std::string& other) { return other.starts_with(field); });
}

// Decodes hostile bytes, in memory of exactly their size so that a sanitizer sees every step
// outside. What comes out must lie inside, and survive being encoded and decoded again.
void check_survives(const Buffer& bytes, Version version, Sender sender) {
    const auto progress = next_frame(bytes, packet_size_max);
    if (!progress || progress->state == FrameProgress::State::need_more) {
        return;
    }
    const auto packet = decode_to_text(progress->frame, version, sender);
    if (!packet) {
        return;
    }
    REQUIRE(all_inside(packet->views, bytes));
    REQUIRE(outcome(packet->encoded_again, version, sender) == packet->text);
}

// The values a byte is changed to: one bit at a time, and the limits.
std::vector<std::byte> mutations_of(std::byte original) {
    std::vector<std::byte> changed;
    for (unsigned bit = 0; bit < 8; ++bit) {
        changed.push_back(original ^ static_cast<std::byte>(1U << bit));
    }
    for (const unsigned limit : {0x00U, 0x01U, 0x7FU, 0xFFU}) {
        changed.push_back(static_cast<std::byte>(limit));
    }
    const unsigned value = std::to_integer<unsigned>(original);
    changed.push_back(static_cast<std::byte>(value + 1));
    changed.push_back(static_cast<std::byte>(value - 1));
    return changed;
}

}  // namespace

TEST_CASE("golden packets: each is decoded or refused as its vector says") {
    REQUIRE(vectors().size() > 200);
    for_each_vector([](const Vector& vector, Version version) {
        REQUIRE_FALSE(vector.expected.empty());
        const std::string got = outcome(vector.bytes, version, vector.sender);
        CAPTURE(got);
        const std::vector<std::string> words = split_words(got);
        CHECK(words.front() == vector.expected.front());
        for (const std::string& word : vector.expected) {
            CAPTURE(word);
            CHECK(contains_word(words, word));
        }
    });
}

TEST_CASE("golden packets: what was decoded is encoded to the bytes it came from") {
    for_each_vector([](const Vector& vector, Version version) {
        const auto progress = next_frame(vector.bytes, packet_size_max);
        if (!progress || progress->state == FrameProgress::State::need_more) {
            return;
        }
        const auto packet = decode_to_text(progress->frame, version, vector.sender);
        if (!packet) {
            return;
        }
        CHECK((packet->encoded_again == vector.bytes) == vector.encodes_alike);
        CHECK(outcome(packet->encoded_again, version, vector.sender) == packet->text);
    });
}

TEST_CASE("golden packets: every prefix asks for more or is refused like the whole") {
    for_each_vector([](const Vector& vector, Version version) {
        const std::string whole = outcome(vector.bytes, version, vector.sender);
        for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
            const Buffer prefix(vector.bytes.begin(),
                                vector.bytes.begin() + static_cast<std::ptrdiff_t>(size));
            const std::string got = outcome(prefix, version, vector.sender);
            CHECK((got == "need_more" || got == whole));
        }
    });
}

TEST_CASE("golden packets: a packet cut short with a length to match stays inside its bytes") {
    for_each_vector([](const Vector& vector, Version version) {
        const auto progress = next_frame(vector.bytes, packet_size_max);
        if (!progress || progress->state == FrameProgress::State::need_more) {
            return;
        }
        const Bytes body = progress->frame.body;
        for (std::size_t size = 0; size < body.size(); ++size) {
            Buffer cut(size + 5);
            ByteWriter out{cut};
            out.bytes(Bytes{vector.bytes}.first(1));
            out.varint(static_cast<std::uint32_t>(size));
            out.bytes(body.first(size));
            cut.resize(out.written());
            cut.shrink_to_fit();
            check_survives(cut, version, vector.sender);
        }
    });
}

TEST_CASE("golden packets: with any byte changed they stay inside their bytes") {
    for_each_vector([](const Vector& vector, Version version) {
        for (std::size_t at = 0; at < std::min<std::size_t>(vector.bytes.size(), 150); ++at) {
            for (const std::byte value : mutations_of(vector.bytes[at])) {
                Buffer changed = vector.bytes;
                changed[at] = value;
                check_survives(changed, version, vector.sender);
            }
        }
    });
}
