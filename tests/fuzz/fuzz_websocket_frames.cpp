// WebSocket frames: however the bytes are split, the same payload, control frames and fault come
// out, and never more than went in. The first byte is the size of the pieces.
#include "server/transport/websocket_frames.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::transport;
using martlet::protocol::Bytes;

namespace {

// All that was told, in order; payload that was handed on in pieces is put together.
struct Story {
    std::string payload;
    std::vector<std::string> events;

    bool operator==(const Story&) const = default;
};

Story read(Bytes input, std::size_t piece) {
    FrameReader reader;
    Story story;
    while (!input.empty()) {
        // In a block of its own size, so that AddressSanitizer sees what lies beyond.
        std::vector<std::byte> bytes(
            input.begin(),
            input.begin() + static_cast<std::ptrdiff_t>(std::min(piece, input.size())));
        input = input.subspan(bytes.size());
        std::size_t consumed = 0;
        std::size_t produced = 0;
        while (consumed < bytes.size()) {
            const auto step = reader.take(Bytes(bytes).subspan(consumed), bytes.data() + produced);
            consumed += step.consumed;
            produced += step.payload;
            FUZZ_CHECK(produced <= consumed && consumed <= bytes.size());
            if (step.event == FrameReader::Event::none) {
                FUZZ_CHECK(consumed == bytes.size());
                continue;
            }
            const Bytes said = reader.control_payload();
            FUZZ_CHECK(said.size() <= control_payload_max);
            story.events.push_back(std::to_string(static_cast<int>(step.event)) + ":" +
                                   std::to_string(story.payload.size() + produced) + ":" +
                                   std::string(martlet::protocol::as_text(said)));
            if (step.event == FrameReader::Event::fault) {
                FUZZ_CHECK(reader.fault() != FrameFault::none);
                FUZZ_CHECK(!describe(reader.fault()).empty());
            }
            if (step.event != FrameReader::Event::ping) {
                story.payload += martlet::protocol::as_text(Bytes(bytes).first(produced));
                return story;
            }
        }
        story.payload += martlet::protocol::as_text(Bytes(bytes).first(produced));
    }
    return story;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const Bytes input = martlet::fuzz::bytes_of(data, size).subspan(1);
    const std::size_t piece = 1U + data[0];
    FUZZ_CHECK(read(input, piece) == read(input, std::max<std::size_t>(input.size(), 1)));
    return 0;
}
