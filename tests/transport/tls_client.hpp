// RawClient's counterpart for TLS: OpenSSL on a blocking socket. Threading: the test's thread.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_certificates.hpp"

namespace martlet::transport::tests {

class TlsClient {
public:
    struct Options {
        std::string certificate;  // file in TestCertificates; empty: none
        int version = TLS1_3_VERSION;
        SSL_SESSION* session = nullptr;  // to resume
        std::string alpn;                // in wire form
    };

    TlsClient(std::uint16_t port, const Options& options)
        : socket_(connect_socket(port)),
          context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
          ssl_(nullptr, &SSL_free) {
        SSL_CTX_set_min_proto_version(context_.get(), options.version);
        SSL_CTX_set_max_proto_version(context_.get(), options.version);
        const TestCertificates& files = TestCertificates::instance();
        SSL_CTX_load_verify_file(context_.get(), files.path("ca.pem").c_str());
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        if (!options.certificate.empty()) {
            SSL_CTX_use_certificate_chain_file(context_.get(),
                                               files.path(options.certificate).c_str());
            SSL_CTX_use_PrivateKey_file(context_.get(), files.path("client.key").c_str(),
                                        SSL_FILETYPE_PEM);
        }
        ssl_.reset(SSL_new(context_.get()));
        if (!options.alpn.empty()) {
            SSL_set_alpn_protos(ssl_.get(),
                                reinterpret_cast<const unsigned char*>(options.alpn.data()),
                                static_cast<unsigned>(options.alpn.size()));
        }
        if (options.session != nullptr) {
            SSL_set_session(ssl_.get(), options.session);
        }
        SSL_set_fd(ssl_.get(), socket_.get());
        is_connected_ = SSL_connect(ssl_.get()) == 1;
        ERR_clear_error();
    }
    explicit TlsClient(std::uint16_t port) : TlsClient(port, Options{}) {}

    bool is_connected() const { return is_connected_; }
    SSL* ssl() const { return ssl_.get(); }
    int socket() const { return socket_.get(); }

    bool send(std::string_view bytes) {
        return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
               static_cast<int>(bytes.size());
    }

    std::string receive(std::size_t size) {
        std::string result;
        while (result.size() < size) {
            std::string piece(size - result.size(), '\0');
            const int count = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
            if (count <= 0) {
                break;
            }
            result.append(piece, 0, static_cast<std::size_t>(count));
        }
        ERR_clear_error();
        return result;
    }

    std::string exchange(std::string_view bytes, std::size_t answer_size) {
        return send(bytes) ? receive(answer_size) : std::string();
    }

    // close_notify, not just the end of the stream.
    bool sees_goodbye() {
        char byte = 0;
        const int count = SSL_read(ssl_.get(), &byte, 1);
        return SSL_get_error(ssl_.get(), count) == SSL_ERROR_ZERO_RETURN;
    }

private:
    OwnedFd socket_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    bool is_connected_ = false;
};

}  // namespace martlet::transport::tests
