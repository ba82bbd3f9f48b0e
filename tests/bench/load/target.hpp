// Where the broker is, and how it is reached.
// Ownership: owns the TLS context. Threading: immutable once made.
#pragma once

#include <sys/socket.h>

#include <string>

#include "tests/bench/load/options.hpp"
#include "tests/bench/load/stream.hpp"

namespace martlet::load {

class Target {
public:
    // Looks the host's name up; throws one line when there is no such host.
    explicit Target(const Options& options);

    const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
    socklen_t address_size() const { return address_size_; }
    bool is_loopback() const;
    std::string name() const { return name_; }

    // Nothing without --tls.
    Tls new_tls() const;

private:
    void prepare_tls(const Options& options);

    sockaddr_storage address_{};
    socklen_t address_size_ = 0;
    std::string host_;
    std::string name_;
    TlsContext tls_;
    bool verifies_ = false;
};

// What OpenSSL says of the last error.
std::string tls_error();

}  // namespace martlet::load
