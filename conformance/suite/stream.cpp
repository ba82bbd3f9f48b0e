#include "conformance/suite/stream.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace martlet::conformance {

namespace {

int connect_to(const Target& target) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found);
    if (status != 0) {
        throw std::runtime_error(fmt::format("{}: {}", target.host, ::gai_strerror(status)));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses{found, ::freeaddrinfo};
    int error = 0;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        const int fd = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
        if (fd >= 0 && ::connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
            return fd;
        }
        error = errno;
        if (fd >= 0) {
            ::close(fd);
        }
    }
    throw std::runtime_error(fmt::format("cannot connect to {} port {}: {}", target.host,
                                         target.port, std::generic_category().message(error)));
}

SSL_CTX* make_context(const Target& target) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    if (context != nullptr && !target.ca_file.empty()) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        if (SSL_CTX_load_verify_locations(context, target.ca_file.c_str(), nullptr) != 1) {
            SSL_CTX_free(context);
            context = nullptr;
        }
    }
    return context;
}

// One context for the run: reading the CA's file for every connection would be most of the work.
SSL_CTX* shared_context(const Target& target) {
    static const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{make_context(target),
                                                                           SSL_CTX_free};
    return context.get();
}

}  // namespace

void Stream::SslDeleter::operator()(ssl_st* ssl) const {
    SSL_free(ssl);
}

Stream::Stream(const Target& target) : fd_(connect_to(target)) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval limit{.tv_sec = static_cast<time_t>(target.patience.count()), .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (target.tls) {
        start_tls(target);
    }
}

Stream::~Stream() {
    close();
}

void Stream::start_tls(const Target& target) {
    SSL_CTX* context = shared_context(target);
    if (context == nullptr) {
        close();
        throw std::runtime_error(fmt::format("cannot use the CA file {}", target.ca_file));
    }
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_tlsext_host_name(ssl_.get(), target.host.c_str());
    if (SSL_connect(ssl_.get()) != 1) {
        std::array<char, 256> text{};
        ERR_error_string_n(ERR_get_error(), text.data(), text.size());
        close();
        throw std::runtime_error(fmt::format("TLS: {}", text.data()));
    }
}

void Stream::write(std::string_view bytes) {
    while (!bytes.empty() && fd_ >= 0) {
        const auto written =
            ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                 : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (written <= 0) {
            return;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

bool Stream::wait_readable(Instant deadline) const {
    if (ssl_ && SSL_pending(ssl_.get()) > 0) {
        return true;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
    const auto wait_ms = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    return ::poll(&one, 1, wait_ms) > 0;
}

Stream::Outcome Stream::read(Bytes& into, Instant deadline) {
    if (fd_ < 0) {
        return Outcome::closed;
    }
    if (!wait_readable(deadline)) {
        return Outcome::late;
    }
    std::array<char, 16384> part{};
    const auto count = ssl_ ? SSL_read(ssl_.get(), part.data(), static_cast<int>(part.size()))
                            : ::recv(fd_, part.data(), part.size(), 0);
    if (count > 0) {
        into.append(part.data(), static_cast<std::size_t>(count));
        return Outcome::bytes;
    }
    // A record of TLS's own (a session ticket) makes the socket readable without any of our bytes.
    const bool wants_more =
        ssl_ && SSL_get_error(ssl_.get(), static_cast<int>(count)) == SSL_ERROR_WANT_READ;
    return wants_more ? Outcome::late : Outcome::closed;
}

void Stream::finish() const {
    if (!ssl_) {
        ::shutdown(fd_, SHUT_WR);
    }
}

void Stream::close() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
    ssl_.reset();
}

}  // namespace martlet::conformance
