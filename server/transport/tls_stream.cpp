#include "server/transport/tls_stream.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>

#include "server/transport/tls_error.hpp"

namespace martlet::transport {

namespace {

// What fits one record.
constexpr std::size_t record_size = 16 * 1024;

struct CertificateCloser {
    void operator()(X509* certificate) const { X509_free(certificate); }
};

// The Common Name; empty when there is none, or when it hides something behind a zero byte.
std::string common_name(const X509_NAME* subject) {
    const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0) {
        return {};
    }
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    unsigned char* bytes = nullptr;
    const int size = ASN1_STRING_to_UTF8(&bytes, value);
    if (size < 0) {
        return {};
    }
    std::string name(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return name.find('\0') == std::string::npos ? name : std::string();
}

// The whole subject as RFC 2253 writes it: "CN=client,O=Martlet".
std::string subject_text(const X509_NAME* subject) {
    BIO* memory = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(memory, subject, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(memory);
    return text;
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

TlsStream::TlsStream(const TlsContext& context, int socket)
    : ssl_(SSL_new(context.native())), identity_(context.identity()) {
    if (ssl_ == nullptr || SSL_set_fd(ssl_, socket) != 1) {
        throw std::bad_alloc();
    }
    SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() {
    SSL_free(ssl_);
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
    failure_ = take_tls_errors();
    if (failure_.empty()) {
        failure_ = std::system_category().message(system_error);
    }
    // OpenSSL's error says only that a certificate is no good.
    if (const long verdict = SSL_get_verify_result(ssl_); verdict != X509_V_OK) {
        failure_ += fmt::format(" ({})", X509_verify_cert_error_string(verdict));
    }
    return is_end ? StreamStatus::end : StreamStatus::failed;
}

StreamResult TlsStream::handshake() {
    ERR_clear_error();
    const int result = SSL_accept(ssl_);
    return {result == 1 ? StreamStatus::ok : explain(result)};
}

StreamResult TlsStream::read_some(std::span<std::byte> into) {
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
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_, data, size, &count);
    return result == 1 ? StreamResult{StreamStatus::ok, count} : StreamResult{explain(result)};
}

void TlsStream::say_goodbye() {
    if (!is_broken_ && SSL_is_init_finished(ssl_) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_);
        ERR_clear_error();
    }
}

std::string TlsStream::peer_identity() const {
    if (identity_ == CertificateIdentity::none) {
        return {};
    }
    const std::unique_ptr<X509, CertificateCloser> certificate(SSL_get1_peer_certificate(ssl_));
    if (!certificate || SSL_get_verify_result(ssl_) != X509_V_OK) {
        return {};
    }
    const X509_NAME* subject = X509_get_subject_name(certificate.get());
    return identity_ == CertificateIdentity::subject ? subject_text(subject) : common_name(subject);
}

}  // namespace martlet::transport
