// Port: what a shard asks of the network. Implemented by the transport and by the simulation.
// Threading: called on the shard's thread only, from within the shard's own entry points.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/core/ids.hpp"

namespace martlet::core {

// Why a Network Connection ended, as the log and the counters tell it.
enum class CloseReason : std::uint8_t {
    client_disconnected,  // DISCONNECT received
    peer_closed,          // end of stream or reset without a DISCONNECT
    refused,              // CONNECT refused
    protocol_error,
    keep_alive_timeout,
    session_taken_over,
    too_large,
    quota,
    shutting_down,
    network_error,
    administrative,
    not_permitted,  // any more: its rights ended
};

// What the transport knows of a connection when its CONNECT has arrived.
struct ConnectionInfo {
    std::string peer;            // "127.0.0.1:50000", "[::1]:50000"
    std::uint16_t listener = 0;  // index into the configured listeners
    bool secure = false;
    std::string certificate_name;  // verified client certificate's identity; empty: none
};

class ConnectionPort {
public:
    virtual ~ConnectionPort() = default;

    // Write what waits in the connection's outbox, as far as the network takes it. Called at the
    // end of a pass for each connection that was written to, or while something is published to
    // very many; never for the connection whose bytes are being taken. Must not call back into the
    // shard.
    virtual void flush(ConnectionId connection) = 0;

    // Write what waits in the outbox, for a bounded time, then close. on_closed() follows later,
    // never from within this call.
    virtual void close(ConnectionId connection, CloseReason reason) = 0;

    // The shard takes bytes again: deliver what was kept aside, then read on. Not from within this
    // call.
    virtual void resume_reading(ConnectionId connection) = 0;
};

}  // namespace martlet::core
