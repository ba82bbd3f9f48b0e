// The HTTP request that a WebSocket begins with, and what it is answered. Bytes in, bytes out.
//
// The request is parsed by Boost.Beast; what makes it an upgrade to MQTT is decided here. It is
// gathered until it is whole, up to a bound; whoever is refused is told why in one line, since it
// is people with a browser who find themselves here. Ownership: owns what has come, and shares the
// options. Threading: the thread of the shard its Connection is on; options are immutable.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/byte_reader.hpp"

namespace martlet::transport {

// Of one listener.
struct WebSocketOptions {
    std::string path{};                  // "/mqtt"; empty: any
    std::vector<std::string> origins{};  // "https://example.org"; empty: any, or none at all
    std::size_t header_bytes_max = 8192;
};

class WebSocketHandshake {
public:
    explicit WebSocketHandshake(std::shared_ptr<const WebSocketOptions> options)
        : options_(std::move(options)) {}

    // Takes more of what the client says. True once there is an answer; no more is taken then.
    bool take(protocol::Bytes bytes);

    bool is_accepted() const { return refusal_.empty(); }
    // To be sent as it is.
    const std::string& answer() const { return answer_; }
    // Why it was refused, for the log.
    const std::string& refusal() const { return refusal_; }
    // What came behind the request: the first frames.
    std::string take_rest() { return std::move(rest_); }

private:
    struct Refusal;

    void decide(std::string_view request);
    void refuse(const Refusal& refusal);

    std::shared_ptr<const WebSocketOptions> options_;
    std::string received_;
    std::string answer_;
    std::string refusal_;
    std::string rest_;
};

}  // namespace martlet::transport
