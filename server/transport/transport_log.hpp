// Port: what the transport has to tell the operator; the app puts it into words.
//
// What a client has said is logged by the core (core::LogEvents); here is only what happens below
// MQTT. Events that a flood can cause come once per burst, with a count of what was left out
// before. Threading: shared, internally synchronised: called on every shard's thread. Views are
// borrowed.
#pragma once

#include <cstdint>
#include <string_view>

namespace martlet::transport {

// A Network Connection before its CONNECT: `listener` as in core::ConnectionInfo.
struct PeerDescription {
    std::uint16_t listener = 0;
    std::string_view peer;  // "127.0.0.1:50000"
};

class TransportLog {
public:
    virtual ~TransportLog() = default;

    virtual void on_accepted(const PeerDescription& peer) = 0;
    // max_connections of the listener or of the broker is reached.
    virtual void on_too_many_connections(const PeerDescription& peer, std::uint64_t unlogged) = 0;
    // accept() failed, e.g. for want of file descriptors. The listener goes on.
    virtual void on_accept_failed(std::uint16_t listener, std::string_view what,
                                  std::uint64_t unlogged) = 0;
    // TLS: `what` in OpenSSL's words.
    virtual void on_handshake_failed(const PeerDescription& peer, std::string_view what) = 0;
    // An HTTP request that is no upgrade to MQTT over WebSocket.
    virtual void on_upgrade_refused(const PeerDescription& peer, std::string_view what,
                                    std::uint64_t unlogged) = 0;
    // The PROXY header that the listener asks for is missing or wrong.
    virtual void on_proxy_header_refused(const PeerDescription& peer, std::string_view what,
                                         std::uint64_t unlogged) = 0;
    // No CONNECT in time, end of stream or an error before it.
    virtual void on_closed_before_connect(const PeerDescription& peer, std::string_view what) = 0;
    // Too many connections without a CONNECT: this one had to make room.
    virtual void on_crowded_out(const PeerDescription& peer, std::uint64_t unlogged) = 0;
};

}  // namespace martlet::transport
