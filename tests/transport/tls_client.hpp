// RawClient's counterpart for TLS: OpenSSL on a blocking socket. Threading: the test's thread.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_certificates.hpp"

namespace martlet::transport::tests {

class TlsClient {
public:
    struct Options {
        std::string certificate;  // a file of `files`; empty: none
        const TestCertificates* files = &TestCertificates::instance();
        int version = TLS1_3_VERSION;
        SSL_SESSION* session = nullptr;  // to resume
        std::string alpn;                // in wire form
        std::string host;                // SNI; empty: none is sent
        std::string groups;              // empty: OpenSSL's
        std::string ciphers;             // of TLS 1.2; empty: OpenSSL's
        std::string before_tls;          // what a proxy would say first
    };

    TlsClient(std::uint16_t port, const Options& options)
        : socket_(connect_socket(port)),
          context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
          ssl_(nullptr, &SSL_free) {
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write()
        SSL_CTX_set_min_proto_version(context_.get(), options.version);
        SSL_CTX_set_max_proto_version(context_.get(), options.version);
        const TestCertificates& files = *options.files;
        SSL_CTX_load_verify_file(context_.get(),
                                 TestCertificates::instance().path("ca.pem").c_str());
        // So that it is not the client that refuses.
        if (options.version < TLS1_2_VERSION) {
            SSL_CTX_set_security_level(context_.get(), 0);
        }
        if (!options.ciphers.empty()) {
            SSL_CTX_set_cipher_list(context_.get(), options.ciphers.c_str());
        }
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
        if (!options.host.empty()) {
            SSL_set_tlsext_host_name(ssl_.get(), options.host.c_str());
        }
        if (!options.groups.empty()) {
            SSL_set1_groups_list(ssl_.get(), options.groups.c_str());
        }
        if (options.session != nullptr) {
            SSL_set_session(ssl_.get(), options.session);
        }
        SSL_set_fd(ssl_.get(), socket_.get());
        ::send(socket_.get(), options.before_tls.data(), options.before_tls.size(), MSG_NOSIGNAL);
        is_connected_ = SSL_connect(ssl_.get()) == 1;
        ERR_clear_error();
    }
    explicit TlsClient(std::uint16_t port) : TlsClient(port, Options{}) {}

    bool is_connected() const { return is_connected_; }
    SSL* ssl() const { return ssl_.get(); }
    // The name on the certificate that the broker has shown.
    std::string broker_name() const {
        std::array<char, 256> name{};
        X509* certificate = SSL_get0_peer_certificate(ssl_.get());
        if (certificate != nullptr) {
            X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                      name.data(), static_cast<int>(name.size()));
        }
        return name.data();
    }
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
