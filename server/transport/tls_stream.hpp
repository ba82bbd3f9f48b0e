// TLS on a non-blocking socket as a Stream: OpenSSL reads and writes the socket itself.
//
// No buffers of ours: between calls OpenSSL holds none either (SSL_MODE_RELEASE_BUFFERS) except for
// a record that has not come whole. Small segments are laid side by side, so that many packets
// share one record. SIGPIPE must be blocked on the thread: OpenSSL writes with write(). Ownership:
// owns the SSL object, which keeps its context alive; borrows the socket. Threading: the thread of
// the shard its Connection is on.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <string>

#include "server/transport/stream.hpp"
#include "server/transport/tls_context.hpp"

namespace martlet::transport {

class TlsStream final : public Stream {
public:
    TlsStream(const TlsContext& context, int socket);
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;
    ~TlsStream() override;

    StreamResult handshake() override;
    StreamResult read_some(std::span<std::byte> into) override;
    StreamResult write_some(std::span<const core::OutputSegment> segments,
                            std::span<std::byte> scratch) override;
    void say_goodbye() override;
    bool is_secure() const override { return true; }
    std::string peer_identity() const override;
    std::string failure() const override { return failure_; }

private:
    // What a call that did not succeed wants.
    StreamStatus explain(int result);

    SSL* ssl_;
    CertificateIdentity identity_;
    bool is_broken_ = false;
    std::string failure_;
};

}  // namespace martlet::transport
