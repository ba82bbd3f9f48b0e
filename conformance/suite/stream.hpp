// A plain POSIX socket, or OpenSSL over one: bytes out, bytes in before a deadline, and the end.
//
// Ownership: owns its file descriptor. Threading: one thread, the one of its test.
#pragma once

#include <chrono>
#include <memory>

#include "conformance/suite/bytes.hpp"
#include "conformance/suite/target.hpp"

struct ssl_st;

namespace martlet::conformance {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;

class Stream {
public:
    // Throws std::runtime_error when nobody answers there.
    explicit Stream(const Target& target);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // A peer that is gone already is no error here: reading will tell.
    void write(std::string_view bytes);

    enum class Outcome { bytes, closed, late };
    Outcome read(Bytes& into, Instant deadline);

    // Nothing more will be written; what the peer still says can be read.
    void finish() const;
    // Without any word of MQTT or TLS before, as a client that dies.
    void close();

private:
    struct SslDeleter {
        void operator()(ssl_st* ssl) const;
    };

    void start_tls(const Target& target);
    [[nodiscard]] bool wait_readable(Instant deadline) const;

    int fd_ = -1;
    std::unique_ptr<ssl_st, SslDeleter> ssl_;
};

}  // namespace martlet::conformance
