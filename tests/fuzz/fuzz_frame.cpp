// The frame decoder: it takes frames off the front until it wants more, refuses, or is done.
#include "protocol/frame_decoder.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::protocol;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes rest = martlet::fuzz::bytes_of(data, size);
    while (true) {
        const auto progress = next_frame(rest, 10'000);
        if (!progress || progress->state == FrameProgress::State::need_more) {
            FUZZ_CHECK(!progress || progress->size_known == 0 ||
                       progress->size_known > rest.size());
            return 0;
        }
        FUZZ_CHECK(progress->frame.whole.data() == rest.data());
        FUZZ_CHECK(progress->frame.body.size() < progress->frame.whole.size());
        rest = rest.subspan(progress->frame.whole.size());
    }
}
