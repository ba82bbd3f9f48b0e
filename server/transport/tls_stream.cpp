#include "server/transport/tls_stream.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "server/transport/thread_memory.hpp"
#include "server/transport/tls_error.hpp"
#include "server/transport/tls_handles.hpp"
#include "server/transport/tls_identity.hpp"
#include "server/transport/tls_socket.hpp"
#include "server/transport/tls_trust.hpp"

namespace martlet::transport {

namespace {

// What fits one record.
constexpr std::size_t record_size = 16 * 1024;

// Whether the first record is there, or never will be. Until then the kernel keeps its bytes, and a
// crowd that says half a ClientHello each costs little more than its sockets: OpenSSL would hold
// 40 KiB for each.
bool is_greeting_whole(int socket) {
    constexpr std::size_t header_size = 5;
    constexpr unsigned char handshake_record = 22;
    std::array<unsigned char, 2048> start;  // most are smaller
    const ssize_t peeked = ::recv(socket, start.data(), start.size(), MSG_PEEK | MSG_DONTWAIT);
    if (peeked <= 0) {
        return peeked == 0 || (errno != EAGAIN && errno != EINTR);
    }
    const auto there = static_cast<std::size_t>(peeked);
    if (start[0] != handshake_record) {
        return true;
    }
    if (there >= header_size) {
        const std::size_t size = header_size + (std::size_t{start[3]} << 8U | start[4]);
        int waiting = 0;
        if (there >= size || size > record_size + header_size ||
            (there == start.size() && ::ioctl(socket, FIONREAD, &waiting) == 0 &&
             static_cast<std::size_t>(waiting) >= size)) {
            return true;
        }
    }
    pollfd end{socket, POLLRDHUP, 0};
    return ::poll(&end, 1, 0) != 0;
}

// Lays segments side by side, up to one record.
std::size_t lay_together(std::span<const core::OutputSegment> segments,
                         std::span<std::byte> scratch) {
    const std::size_t room = std::min(scratch.size(), record_size);
    std::size_t size = 0;
    for (const core::OutputSegment& segment : segments) {
        const std::size_t part = std::min(segment.size, room - size);
        std::memcpy(scratch.data() + size, segment.data, part);
        size += part;
        if (size == room) {
            break;
        }
    }
    return size;
}

}  // namespace

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context, int socket)
    : context_(std::move(context)), socket_(socket) {
}

TlsStream::~TlsStream() {
    SSL_free(ssl_);
}

bool TlsStream::begin() {
    constexpr std::size_t openssl_keeps = std::size_t{14} * 1024;
    expect_memory_use(openssl_keeps);
    ssl_ = SSL_new(context_->native());
    if (ssl_ == nullptr) {
        failure_ = std::make_unique<const std::string>("out of memory");
        return false;
    }
    SSL_set_accept_state(ssl_);
    return true;
}

StreamStatus TlsStream::explain(int result) {
    const int system_error = errno;
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
            return StreamStatus::wants_read;
        case SSL_ERROR_WANT_WRITE:
            return StreamStatus::wants_write;
        case SSL_ERROR_ZERO_RETURN:
            return StreamStatus::end;
        default:
            break;
    }
    is_broken_ = true;
    // Clients that go without close_notify are common, and MQTT has its own farewell.
    const bool is_end = SSL_is_init_finished(ssl_) == 1 &&
                        ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    distrusts_peer_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    std::string what = take_tls_errors();
    if (what.empty()) {
        what = std::generic_category().message(system_error);
    }
    // OpenSSL's error says only that a certificate is no good.
    if (const long verdict = SSL_get_verify_result(ssl_); verdict != X509_V_OK) {
        distrusts_peer_ = true;
        what += fmt::format(" ({})", X509_verify_cert_error_string(verdict));
    }
    failure_ = std::make_unique<const std::string>(std::move(what));
    return is_end ? StreamStatus::end : StreamStatus::failed;
}

StreamResult TlsStream::handshake() {
    if (ssl_ == nullptr) {
        if (!is_greeting_whole(socket_)) {
            return {StreamStatus::wants_read};
        }
        if (!begin()) {
            return {StreamStatus::failed};
        }
    }
    const TlsTurn turn(ssl_, socket_);
    ERR_clear_error();
    const int result = SSL_accept(ssl_);
    if (result != 1) {
        return {explain(result)};
    }
    return {check_identity() ? StreamStatus::ok : StreamStatus::failed};
}

// Whoever presents a certificate is not to get in under another name, or none, for what is wrong
// with it.
bool TlsStream::check_identity() {
    const X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr) {
        return true;
    }
    const PeerIdentity identity = identity_of(*certificate, context_->identity());
    if (identity.defect.empty()) {
        return true;
    }
    distrusts_peer_ = true;
    failure_ = std::make_unique<const std::string>(
        fmt::format("the client's certificate does not tell who it is: {}", identity.defect));
    return false;
}

StreamResult TlsStream::read_some(std::span<std::byte> into) {
    const TlsTurn turn(ssl_, socket_);
    ERR_clear_error();
    std::size_t total = 0;
    while (total < into.size()) {
        std::size_t count = 0;
        const int result = SSL_read_ex(ssl_, into.data() + total, into.size() - total, &count);
        if (result != 1) {
            return {explain(result), total};
        }
        total += count;
    }
    return {StreamStatus::ok, total};
}

StreamResult TlsStream::write_some(std::span<const core::OutputSegment> segments,
                                   std::span<std::byte> scratch) {
    const std::byte* data = segments.front().data;
    std::size_t size = segments.front().size;
    if (size < record_size && segments.size() > 1) {
        size = lay_together(segments, scratch);
        data = scratch.data();
    }
    const TlsTurn turn(ssl_, socket_);
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_, data, size, &count);
    return result == 1 ? StreamResult{StreamStatus::ok, count} : StreamResult{explain(result)};
}

void TlsStream::say_goodbye(core::CloseReason /*reason*/) {
    if (ssl_ != nullptr && !is_broken_ && SSL_is_init_finished(ssl_) == 1) {
        const TlsTurn turn(ssl_, socket_);
        ERR_clear_error();
        SSL_shutdown(ssl_);
        ERR_clear_error();
    }
}

std::string TlsStream::peer_identity() const {
    const X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) {
        return {};
    }
    return identity_of(*certificate, context_->identity()).name;
}

bool TlsStream::has_peer_certificate() const {
    return ssl_ != nullptr && SSL_get0_peer_certificate(ssl_) != nullptr;
}

std::string TlsStream::why_distrusted_by(
    std::span<const std::shared_ptr<const TlsContext>> contexts) const {
    const TlsContext* current = contexts[context_->listener()].get();
    X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr || current == nullptr || current == context_.get()) {
        return {};
    }
    return why_distrusted(current->native(), certificate, SSL_get_peer_cert_chain(ssl_));
}

}  // namespace martlet::transport
