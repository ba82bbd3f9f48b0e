#include "server/transport/tls_trust.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <memory>

#include "server/transport/tls_certificate.hpp"
#include "server/transport/tls_error.hpp"

namespace martlet::transport {

namespace {

using VerificationOwner = std::unique_ptr<X509_STORE_CTX, HandleCloser<&X509_STORE_CTX_free>>;

std::string load_authorities(SSL_CTX* context, const TlsOptions& options) {
    if (!options.cafile.empty()) {
        std::string unreadable = check_readable("cafile", options.cafile);
        if (!unreadable.empty()) {
            return unreadable;
        }
        STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.cafile.c_str());
        if (names == nullptr || SSL_CTX_load_verify_file(context, options.cafile.c_str()) != 1) {
            sk_X509_NAME_pop_free(names, X509_NAME_free);
            return fmt::format("cafile {}: no certificate in PEM format ({})", options.cafile,
                               take_tls_reason());
        }
        SSL_CTX_set_client_CA_list(context, names);  // told to clients, so that they choose well
    }
    if (!options.capath.empty()) {
        std::string unreadable = check_readable("capath", options.capath);
        if (!unreadable.empty()) {
            return unreadable;
        }
        if (SSL_CTX_load_verify_dir(context, options.capath.c_str()) != 1) {
            return fmt::format("capath {}: {}", options.capath, take_tls_reason());
        }
    }
    return {};
}

std::string load_revocations(SSL_CTX* context, const TlsOptions& options,
                             std::vector<std::string>& warnings) {
    if (options.crlfile.empty()) {
        return {};
    }
    std::string unreadable = check_readable("crlfile", options.crlfile);
    if (!unreadable.empty()) {
        return unreadable;
    }
    const BioOwner file(BIO_new_file(options.crlfile.c_str(), "r"));
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    int count = 0;
    while (
        const RevocationsOwner list{PEM_read_bio_X509_CRL(file.get(), nullptr, nullptr, nullptr)}) {
        if (X509_STORE_add_crl(store, list.get()) != 1) {
            return fmt::format("crlfile {}: {}", options.crlfile, take_tls_reason());
        }
        const ASN1_TIME* next_update = X509_CRL_get0_nextUpdate(list.get());
        if (next_update != nullptr && X509_cmp_current_time(next_update) < 0) {
            warnings.push_back(fmt::format(
                "crlfile {}: the list is outdated since {}; the client certificates it is for "
                "will be refused",
                options.crlfile, time_text(next_update)));
        }
        ++count;
    }
    // The loop ends with an error: the end of the file, or bytes that are no list.
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = take_tls_reason();
    if (count == 0 || !at_end) {
        return fmt::format("crlfile {}: not a revocation list in PEM format ({})", options.crlfile,
                           reason);
    }
    // Of each certificate of the chain, not of the client's own alone: an authority in between
    // that has been revoked vouches for nobody.
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return {};
}

}  // namespace

std::string load_trust(SSL_CTX* context, const TlsOptions& options,
                       std::vector<std::string>& warnings) {
    std::string error = load_authorities(context, options);
    return error.empty() ? load_revocations(context, options, warnings) : error;
}

std::string why_distrusted(SSL_CTX* context, X509* certificate, STACK_OF(X509) * chain) {
    ERR_clear_error();
    const VerificationOwner verification(X509_STORE_CTX_new());
    if (!verification || X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(context),
                                             certificate, chain) != 1) {
        return take_tls_reason();
    }
    // As OpenSSL's own verification in a handshake.
    X509_STORE_CTX_set_default(verification.get(), "ssl_client");
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(verification.get()),
                                     SSL_CTX_get_security_level(context));
    const bool is_trusted = X509_verify_cert(verification.get()) == 1;
    ERR_clear_error();
    if (is_trusted) {
        return {};
    }
    return X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification.get()));
}

}  // namespace martlet::transport
