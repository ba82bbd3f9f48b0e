// TLS on a non-blocking socket as a Stream: OpenSSL reads and writes the socket (tls_socket.hpp).
//
// OpenSSL comes in once the client's first record is there whole; until then the kernel keeps it.
// No buffers of ours: between calls OpenSSL holds none either (SSL_MODE_RELEASE_BUFFERS) except for
// a record that has not come whole. Small segments are laid side by side, so that many packets
// share one record. Ownership: owns the SSL object and shares its context; borrows the socket.
// Threading: the thread of the shard its Connection is on.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "server/transport/stream.hpp"
#include "server/transport/tls_context.hpp"

namespace martlet::transport {

class TlsStream final : public Stream {
public:
    TlsStream(std::shared_ptr<const TlsContext> context, int socket);
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;
    ~TlsStream() override;

    StreamResult handshake() override;
    StreamResult read_some(std::span<std::byte> into) override;
    StreamResult write_some(std::span<const core::OutputSegment> segments,
                            std::span<std::byte> scratch) override;
    void say_goodbye(core::CloseReason reason) override;
    bool is_secure() const override { return true; }
    std::string peer_identity() const override;
    std::string failure() const override { return failure_ ? *failure_ : std::string(); }
    bool distrusts_peer() const override { return distrusts_peer_; }
    bool has_peer_certificate() const override;
    std::string why_distrusted_by(
        std::span<const std::shared_ptr<const TlsContext>> contexts) const override;

private:
    // What a call that did not succeed wants.
    StreamStatus explain(int result);
    bool begin();
    bool check_identity();

    std::shared_ptr<const TlsContext> context_;
    SSL* ssl_ = nullptr;  // from the first whole record on
    int socket_;
    bool is_broken_ = false;
    bool distrusts_peer_ = false;
    std::unique_ptr<const std::string> failure_;  // most have none
};

}  // namespace martlet::transport
