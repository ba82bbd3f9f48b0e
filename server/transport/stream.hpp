// Port: the bytes of one Network Connection, whatever they are wrapped in.
//
// A stream never blocks and never waits: each call does what is possible now and says what it would
// need to go on. Waiting is the business of Connection. A stream holds no reference to an
// io_context, so it moves between shards as it is. Ownership: owned by its Connection, which owns
// the socket too and closes it after the stream is gone. Threading: the thread of the shard its
// Connection is on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "server/core/connection_port.hpp"
#include "server/core/outbox.hpp"

namespace martlet::transport {

class TlsContext;

enum class StreamStatus : std::uint8_t {
    ok,
    wants_read,   // nothing more until the socket is readable
    wants_write,  // nothing more until the socket is writable
    end,          // the peer has said all it will say
    refused,      // the peer broke the rules: all that is left is to tell it so, by say_goodbye()
    failed,       // broken; nothing works any more
};

// What a handshake is at, by the layers of a stream from the outside in.
enum class HandshakeStep : std::uint8_t { proxy_header, tls, upgrade };

// `bytes` were moved, whatever the status: with wants_* and bytes > 0 the rest has to wait.
struct StreamResult {
    StreamStatus status = StreamStatus::ok;
    std::size_t bytes = 0;
};

class Stream {
public:
    virtual ~Stream() = default;

    // To be repeated until it is `ok`; before that nothing can be read or written.
    virtual StreamResult handshake() = 0;
    virtual HandshakeStep handshake_step() const { return HandshakeStep::tls; }

    // After `ok` there may be more; any other status says why there is no more now.
    virtual StreamResult read_some(std::span<std::byte> into) = 0;

    // `scratch` is for streams that must lay small segments side by side first. After wants_write
    // the same bytes have to come first in the next call.
    virtual StreamResult write_some(std::span<const core::OutputSegment> segments,
                                    std::span<std::byte> scratch) = 0;

    // Whether it waits to write something of its own (WebSocket: a pong); write_some() does so, be
    // it without segments.
    virtual bool has_output() const { return false; }

    // The stream's own last words (TLS: close_notify), as far as they go without waiting. Nothing
    // can be written afterwards.
    virtual void say_goodbye(core::CloseReason reason) = 0;
    // Whether the peer has last words to say too, whoever was the first.
    virtual bool expects_goodbye() const { return false; }

    virtual bool is_secure() const = 0;
    // The identity in the peer's verified certificate; empty: none.
    virtual std::string peer_identity() const = 0;
    // Whom a proxy speaks for, as address_text() writes it; empty: nobody but itself.
    virtual std::string forwarded_peer() const { return {}; }
    // Why it failed, for the log.
    virtual std::string failure() const = 0;

    // Whether it failed because of the peer's certificate, or for want of one.
    virtual bool distrusts_peer() const { return false; }
    virtual bool has_peer_certificate() const { return false; }
    // Why the peer's certificate would not be let in by what its listener trusts now; empty: it
    // would, or there is none. One context for each listener, null for those without TLS.
    virtual std::string why_distrusted_by(
        std::span<const std::shared_ptr<const TlsContext>> /*contexts*/) const {
        return {};
    }
};

}  // namespace martlet::transport
