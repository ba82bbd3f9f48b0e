// The HTTP request: there is one answer, the same for any split, with or without a bound on the
// headers, and it is HTTP. The first byte is the size of the pieces and some choice of options.
#include <algorithm>
#include <memory>
#include <string>

#include "server/transport/websocket_handshake.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::transport;
using martlet::protocol::Bytes;

namespace {

std::string answer_to(Bytes input, std::size_t piece, const WebSocketOptions& options) {
    WebSocketHandshake handshake(std::make_shared<const WebSocketOptions>(options));
    while (!input.empty()) {
        const Bytes part = input.first(std::min(piece, input.size()));
        input = input.subspan(part.size());
        if (handshake.take(part)) {
            const std::string& answer = handshake.answer();
            FUZZ_CHECK(answer.starts_with("HTTP/1.1 "));
            FUZZ_CHECK(answer.size() < 512);
            FUZZ_CHECK(handshake.is_accepted() == answer.starts_with("HTTP/1.1 101 "));
            FUZZ_CHECK(handshake.take_rest().size() <= part.size());
            return answer;
        }
    }
    return {};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    WebSocketOptions options;
    options.path = (data[0] & 0x40U) != 0 ? "/mqtt" : "";
    if ((data[0] & 0x80U) != 0) {
        options.origins = {"https://a"};
    }
    options.header_bytes_max = 256;
    const Bytes input = martlet::fuzz::bytes_of(data, size).subspan(1);
    const std::string answer = answer_to(input, 1U + (data[0] & 0x3FU), options);
    FUZZ_CHECK(answer == answer_to(input, 1, options));
    return 0;
}
