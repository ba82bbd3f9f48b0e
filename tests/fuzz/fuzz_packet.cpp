// Every packet in every version from either side: what is decoded borrows from the input only, and
// is the same after being encoded and decoded again.
#include <algorithm>

#include "tests/fuzz/fuzz_target.hpp"
#include "tests/support/packet_text.hpp"

using namespace martlet::protocol;
using namespace martlet::testing;

namespace {

constexpr std::size_t packet_size_max = 1 << 20;

void check(Bytes input, Version version, Sender sender) {
    const auto progress = next_frame(input, packet_size_max);
    if (!progress || progress->state == FrameProgress::State::need_more) {
        return;
    }
    const auto packet = decode_to_text(progress->frame, version, sender);
    if (!packet) {
        return;
    }
    FUZZ_CHECK(all_inside(packet->views, input));
    const auto again = next_frame(packet->encoded_again, packet_size_max);
    FUZZ_CHECK(again.has_value() && again->state == FrameProgress::State::whole);
    const auto same = decode_to_text(again->frame, version, sender);
    FUZZ_CHECK(same.has_value() && same->text == packet->text);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5_0}) {
        check(martlet::fuzz::bytes_of(data, size), version, Sender::client);
        check(martlet::fuzz::bytes_of(data, size), version, Sender::server);
    }
    return 0;
}
