// A non-blocking TCP socket, in the clear or under TLS, read and written in one way.
// Ownership: owns the socket and its TLS state. Threading: its caller's thread only.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "protocol/byte_reader.hpp"

namespace martlet::load {

using protocol::Bytes;

struct FreeTls {
    void operator()(SSL* tls) const { SSL_free(tls); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Tls = std::unique_ptr<SSL, FreeTls>;
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

// With what both ends here want of TLS: writes that may be taken up in part, no sessions to resume,
// no buffers while nothing is on its way.
TlsContext make_tls_context(const SSL_METHOD* method);

class Stream {
public:
    Stream() = default;
    Stream(int socket, Tls tls);
    Stream(Stream&& other) noexcept;
    Stream& operator=(Stream&& other) noexcept;
    ~Stream();

    int socket() const { return socket_; }
    bool is_open() const { return socket_ >= 0; }
    bool is_tls() const { return tls_ != nullptr; }

    // Bytes moved; 0 when none can be now; nothing when the connection is at its end.
    std::optional<std::size_t> read(std::span<std::byte> into);
    std::optional<std::size_t> write(Bytes from);

    enum class Handshake : std::uint8_t { done, wants_read, wants_write, failed };
    Handshake handshake();

private:
    std::optional<std::size_t> read_records(std::span<std::byte> into);
    // Whether a TLS call that returned `result` only asks to be made again.
    bool must_wait(int result) const;

    int socket_ = -1;
    Tls tls_;
};

}  // namespace martlet::load
