// Headers of proxies: a verdict that came is the same with more bytes behind it, and every part of
// a whole header asks for more. The first byte says which version and whether TLS is required.
#include "server/transport/proxy_protocol.hpp"

#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::transport;
using martlet::protocol::Bytes;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    ProxyRequirement requirement;
    requirement.version = (data[0] & 1U) != 0 ? 1 : 2;
    requirement.requires_tls = (data[0] & 4U) != 0;
    const Bytes input = martlet::fuzz::bytes_of(data, size).subspan(1);
    const ProxyHeader last = parse_proxy_header(input, requirement);
    FUZZ_CHECK((last.state == ProxyHeader::State::wrong) == !last.what.empty());
    FUZZ_CHECK(last.size <= input.size() && last.size <= proxy_header_max);
    for (std::size_t part = 0; part < input.size(); ++part) {
        const ProxyHeader header = parse_proxy_header(input.first(part), requirement);
        if (header.state == ProxyHeader::State::complete) {
            FUZZ_CHECK(last.state == ProxyHeader::State::complete && last.size == header.size);
            FUZZ_CHECK(last.peer == header.peer);
        } else if (header.state == ProxyHeader::State::wrong) {
            FUZZ_CHECK(last.state == ProxyHeader::State::wrong);
        }
    }
    if (last.state == ProxyHeader::State::need_more) {
        FUZZ_CHECK(input.size() < proxy_header_max);
    }
    return 0;
}
