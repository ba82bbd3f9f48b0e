#include "tests/bench/load/target.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>

#include <cstring>
#include <stdexcept>

namespace martlet::load {

Target::Target(const Options& options)
    : host_(options.host), name_(options.host + ":" + std::to_string(options.port)) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error =
        ::getaddrinfo(host_.c_str(), std::to_string(options.port).c_str(), &hints, &found);
    if (error != 0) {
        throw std::runtime_error("--host '" + host_ + "': " + ::gai_strerror(error));
    }
    std::memcpy(&address_, found->ai_addr, found->ai_addrlen);
    address_size_ = found->ai_addrlen;
    ::freeaddrinfo(found);
    if (options.tls) {
        prepare_tls(options);
    }
}

void Target::prepare_tls(const Options& options) {
    tls_ = make_tls_context(TLS_client_method());
    verifies_ = !options.cafile.empty();
    if (verifies_) {
        if (SSL_CTX_load_verify_locations(tls_.get(), options.cafile.c_str(), nullptr) != 1) {
            throw std::runtime_error("--cafile '" + options.cafile +
                                     "': expected a file of certificates in PEM");
        }
        SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER, nullptr);
    }
}

bool Target::is_loopback() const {
    if (address_.ss_family != AF_INET) {
        return false;
    }
    sockaddr_in address{};
    std::memcpy(&address, &address_, sizeof address);
    return ntohl(address.sin_addr.s_addr) >> 24 == 127;
}

Tls Target::new_tls() const {
    if (tls_ == nullptr) {
        return nullptr;
    }
    Tls tls{SSL_new(tls_.get())};
    SSL_set_connect_state(tls.get());
    in6_addr numeric{};
    const bool is_name = ::inet_pton(AF_INET, host_.c_str(), &numeric) != 1 &&
                         ::inet_pton(AF_INET6, host_.c_str(), &numeric) != 1;
    if (is_name) {
        SSL_set_tlsext_host_name(tls.get(), host_.c_str());
    }
    if (verifies_ && is_name) {
        SSL_set1_host(tls.get(), host_.c_str());
    } else if (verifies_) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls.get()), host_.c_str());
    }
    return tls;
}

std::string tls_error() {
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason == nullptr ? "closed by the other side" : reason;
}

}  // namespace martlet::load
