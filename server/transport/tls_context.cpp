#include "server/transport/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <new>
#include <string_view>
#include <utility>
#include <variant>

#include "server/transport/tls_certificate.hpp"
#include "server/transport/tls_error.hpp"
#include "server/transport/tls_manners.hpp"
#include "server/transport/tls_trust.hpp"

namespace martlet::transport {

TlsContext::TlsContext(const TlsOptions& options)
    : context_(SSL_CTX_new(TLS_server_method())),
      listener_(options.listener),
      identity_(options.identity),
      protocols_(options.protocols) {
    if (context_ == nullptr) {
        throw std::bad_alloc();
    }
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

void TlsContext::note_term(const std::string& certfile, const TlsCertificate& certificate,
                           std::vector<std::string>& warnings) {
    terms_.push_back({certfile, certificate.expires});
    const ASN1_TIME* not_before = X509_get0_notBefore(certificate.leaf.get());
    if (X509_cmp_current_time(not_before) > 0) {
        warnings.push_back(fmt::format("certfile {}: the certificate is not valid before {}",
                                       certfile, time_text(not_before)));
    }
}

std::string TlsContext::load_certificates(const TlsOptions& options,
                                          std::vector<std::string>& warnings) {
    auto loaded = load_certificate({options.certfile, options.keyfile}, {});
    if (auto* error = std::get_if<std::string>(&loaded)) {
        return std::move(*error);
    }
    const auto& own = std::get<TlsCertificate>(loaded);
    if (SSL_CTX_use_cert_and_key(context_, own.leaf.get(), own.key.get(), own.chain.get(), 1) !=
        1) {
        return fmt::format("certfile {}: {}", options.certfile, take_tls_reason());
    }
    note_term(options.certfile, own, warnings);
    names_.add_default(own.names);
    for (const CertificateFiles& files : options.sni_certificates) {
        auto more = load_certificate(files, {"sni_certificate", "sni_certificate"});
        if (auto* error = std::get_if<std::string>(&more)) {
            return std::move(*error);
        }
        auto& certificate = std::get<TlsCertificate>(more);
        if (certificate.names.empty()) {
            return fmt::format("sni_certificate {}: the certificate is for no host name",
                               files.certfile);
        }
        note_term(files.certfile, certificate, warnings);
        names_.add(std::move(certificate));
    }
    return {};
}

// Of its connection alone: tickets, whom it trusts and the rest stay those of the listener.
int TlsContext::choose_certificate(SSL* ssl, int* alert, void* self) {
    const char* host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const TlsCertificate* certificate =
        host == nullptr ? nullptr : static_cast<const TlsContext*>(self)->names_.find(host);
    if (certificate == nullptr) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    SSL_certs_clear(ssl);  // one of another kind of key would be left beside it
    if (SSL_use_cert_and_key(ssl, certificate->leaf.get(), certificate->key.get(),
                             certificate->chain.get(), 1) != 1) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

int TlsContext::choose_protocol(SSL* /*ssl*/, const unsigned char** chosen,
                                unsigned char* chosen_size, const unsigned char* offered,
                                unsigned int offered_size, void* self) {
    for (const std::string& ours : static_cast<const TlsContext*>(self)->protocols_) {
        for (unsigned int i = 0; i < offered_size; i += offered[i] + 1U) {
            const std::string_view theirs(reinterpret_cast<const char*>(offered + i + 1),
                                          offered[i]);
            if (theirs == ours) {
                *chosen = offered + i + 1;
                *chosen_size = offered[i];
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol
}

// A connection keeps its TlsContext, so `this` outlives every call.
void TlsContext::listen_to_names() {
    SSL_CTX_set_alpn_select_cb(context_, &choose_protocol, this);
    if (!names_.empty()) {
        SSL_CTX_set_tlsext_servername_callback(context_, &choose_certificate);
        SSL_CTX_set_tlsext_servername_arg(context_, this);
    }
}

TlsContextResult TlsContext::make(const TlsOptions& options) {
    ERR_clear_error();
    TlsContextResult result;
    const std::shared_ptr<TlsContext> made(new TlsContext(options));
    SSL_CTX* context = made->native();
    set_manners(context, options);
    if (options.client_certificate != ClientCertificate::ignored && options.cafile.empty() &&
        options.capath.empty()) {
        result.error = "client certificates need a cafile or a capath to be checked against";
        return result;
    }
    // Before the certificates: the list of ciphers can say what strength of keys is asked for.
    result.error = set_ciphers(context, options, result.warnings);
    if (result.error.empty()) {
        result.error = made->load_certificates(options, result.warnings);
    }
    if (result.error.empty()) {
        result.error = load_trust(context, options, result.warnings);
    }
    if (result.error.empty()) {
        made->listen_to_names();
        result.context = made;
    }
    return result;
}

}  // namespace martlet::transport
