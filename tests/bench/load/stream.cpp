#include "tests/bench/load/stream.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace martlet::load {

namespace {

constexpr std::size_t tls_write_max = std::size_t{1} << 20;

}  // namespace

TlsContext make_tls_context(const SSL_METHOD* method) {
    TlsContext context{SSL_CTX_new(method)};
    if (context == nullptr) {
        throw std::runtime_error("OpenSSL makes no TLS context");
    }
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    return context;
}

Stream::Stream(int socket, Tls tls) : socket_(socket), tls_(std::move(tls)) {
    if (tls_ != nullptr) {
        SSL_set_fd(tls_.get(), socket_);
    }
}

Stream::Stream(Stream&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), tls_(std::move(other.tls_)) {
}

Stream& Stream::operator=(Stream&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(tls_, other.tls_);
    return *this;
}

Stream::~Stream() {
    if (socket_ >= 0) {
        ::close(socket_);
    }
}

std::optional<std::size_t> Stream::read(std::span<std::byte> into) {
    if (tls_ != nullptr) {
        return read_records(into);
    }
    const ssize_t count = ::recv(socket_, into.data(), into.size(), 0);
    if (count > 0) {
        return static_cast<std::size_t>(count);
    }
    if (count < 0 && errno == EAGAIN) {
        return 0;
    }
    return std::nullopt;
}

// All that there is: what OpenSSL has taken from the socket, the poller does not see.
std::optional<std::size_t> Stream::read_records(std::span<std::byte> into) {
    std::size_t count = 0;
    while (count < into.size()) {
        ERR_clear_error();
        const int result =
            SSL_read(tls_.get(), into.data() + count, static_cast<int>(into.size() - count));
        if (result > 0) {
            count += static_cast<std::size_t>(result);
        } else if (count > 0 || must_wait(result)) {
            break;
        } else {
            return std::nullopt;
        }
    }
    return count;
}

std::optional<std::size_t> Stream::write(Bytes from) {
    if (tls_ != nullptr) {
        ERR_clear_error();
        const int result = SSL_write(tls_.get(), from.data(),
                                     static_cast<int>(std::min(from.size(), tls_write_max)));
        if (result > 0) {
            return static_cast<std::size_t>(result);
        }
        return must_wait(result) ? std::optional<std::size_t>{0} : std::nullopt;
    }
    const ssize_t count = ::send(socket_, from.data(), from.size(), MSG_NOSIGNAL);
    if (count >= 0) {
        return static_cast<std::size_t>(count);
    }
    return errno == EAGAIN ? std::optional<std::size_t>{0} : std::nullopt;
}

Stream::Handshake Stream::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    if (result == 1) {
        return Handshake::done;
    }
    switch (SSL_get_error(tls_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return Handshake::wants_read;
        case SSL_ERROR_WANT_WRITE:
            return Handshake::wants_write;
        default:
            return Handshake::failed;
    }
}

bool Stream::must_wait(int result) const {
    const int error = SSL_get_error(tls_.get(), result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

}  // namespace martlet::load
