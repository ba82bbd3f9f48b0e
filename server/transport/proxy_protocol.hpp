// The header that a proxy puts before a connection to say whom it speaks for: the PROXY protocol of
// HAProxy, versions 1 (a line of text) and 2 (binary). Bytes in, an address out, no socket.
//
// Whoever can reach the listener can claim any address, so this is for listeners that only a
// trusted proxy can reach, and then the header is not optional: a connection without one is not
// from the proxy. Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/byte_reader.hpp"

namespace martlet::transport {

// What a listener asks of its connections.
struct ProxyRequirement {
    std::uint8_t version = 0;   // 1 or 2, exactly; 0: there is no proxy
    bool requires_tls = false;  // the client came to the proxy over TLS; version 2 alone can tell
};

// No header of version 1 is longer.
inline constexpr std::size_t proxy_line_max = 107;
// Of version 2: several times what proxies send, with a client certificate's names.
inline constexpr std::size_t proxy_header_max = 2048;

struct ProxyHeader {
    enum class State : std::uint8_t { need_more, complete, wrong };

    State state = State::need_more;
    std::size_t size = 0;   // complete: bytes of the header
    std::string peer{};     // complete: as address_text() writes it; empty: the connection's own
    std::string_view what;  // wrong: why, for the log
};

// Looks at the first bytes of a connection. What is wrong is told as soon as it can be known.
ProxyHeader parse_proxy_header(protocol::Bytes bytes, const ProxyRequirement& requirement);

}  // namespace martlet::transport
