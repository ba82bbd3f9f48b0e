#include "server/transport/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>
#include <system_error>

#include "server/transport/tls_error.hpp"

namespace martlet::transport {

namespace {

struct BioCloser {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioOwner = std::unique_ptr<BIO, BioCloser>;

struct CrlCloser {
    void operator()(X509_CRL* list) const { X509_CRL_free(list); }
};
using CrlOwner = std::unique_ptr<X509_CRL, CrlCloser>;

std::string time_text(const ASN1_TIME* time) {
    const BioOwner memory(BIO_new(BIO_s_mem()));
    ASN1_TIME_print(memory.get(), time);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

// Empty, or why the file cannot be read.
std::string check_readable(std::string_view key, const std::string& path) {
    if (::access(path.c_str(), R_OK) == 0) {
        return {};
    }
    return fmt::format("{} {}: {}", key, path, std::system_category().message(errno));
}

std::string load_certificate(SSL_CTX* context, const TlsOptions& options) {
    std::string unreadable = check_readable("certfile", options.certfile);
    if (!unreadable.empty()) {
        return unreadable;
    }
    if (SSL_CTX_use_certificate_chain_file(context, options.certfile.c_str()) != 1) {
        return fmt::format("certfile {}: not a certificate in PEM format ({})", options.certfile,
                           take_tls_reason());
    }
    const X509* certificate = SSL_CTX_get0_certificate(context);
    const ASN1_TIME* not_after = X509_get0_notAfter(certificate);
    const ASN1_TIME* not_before = X509_get0_notBefore(certificate);
    if (X509_cmp_current_time(not_after) < 0) {
        return fmt::format("certfile {}: the certificate expired on {}", options.certfile,
                           time_text(not_after));
    }
    if (X509_cmp_current_time(not_before) > 0) {
        return fmt::format("certfile {}: the certificate is not valid before {}", options.certfile,
                           time_text(not_before));
    }
    return {};
}

// Nobody is there to type it.
int refuse_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

std::string load_key(SSL_CTX* context, const TlsOptions& options,
                     std::vector<std::string>& warnings) {
    std::string unreadable = check_readable("keyfile", options.keyfile);
    if (!unreadable.empty()) {
        return unreadable;
    }
    bool is_encrypted = false;
    SSL_CTX_set_default_passwd_cb(context, &refuse_pass_phrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, &is_encrypted);
    const int loaded =
        SSL_CTX_use_PrivateKey_file(context, options.keyfile.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
    if (is_encrypted) {
        ERR_clear_error();
        return fmt::format("keyfile {}: the key is protected by a pass phrase", options.keyfile);
    }
    const bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                          ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    if (loaded != 1 && !mismatch) {
        return fmt::format("keyfile {}: not a private key in PEM format ({})", options.keyfile,
                           take_tls_reason());
    }
    if (loaded != 1 || SSL_CTX_check_private_key(context) != 1) {
        ERR_clear_error();
        return fmt::format("keyfile {}: the key does not belong to the certificate in {}",
                           options.keyfile, options.certfile);
    }
    struct stat status {};
    if (::stat(options.keyfile.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0) {
        warnings.push_back(fmt::format("keyfile {}: every user of this machine can read the key",
                                       options.keyfile));
    }
    return {};
}

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

// With a list in place a certificate that cannot be checked against one is refused: no list of its
// issuer, an outdated one, all fail closed. That is OpenSSL's own rule once the flag is set.
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
    while (const CrlOwner list{PEM_read_bio_X509_CRL(file.get(), nullptr, nullptr, nullptr)}) {
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
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return {};
}

std::string set_ciphers(SSL_CTX* context, const TlsOptions& options) {
    if (!options.ciphers.empty() &&
        SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
        return fmt::format("ciphers {}: {}", options.ciphers, take_tls_reason());
    }
    if (!options.ciphersuites.empty() &&
        SSL_CTX_set_ciphersuites(context, options.ciphersuites.c_str()) != 1) {
        return fmt::format("ciphers_tls1.3 {}: {}", options.ciphersuites, take_tls_reason());
    }
    return {};
}

// `mqtt` when it is among what the client offers; else the handshake goes on without.
int select_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* /*unused*/) {
    constexpr std::string_view ours = "mqtt";
    for (unsigned int i = 0; i < offered_size;) {
        const unsigned int size = offered[i];
        if (size == ours.size() && std::memcmp(offered + i + 1, ours.data(), size) == 0) {
            *chosen = offered + i + 1;
            *chosen_size = offered[i];
            return SSL_TLSEXT_ERR_OK;
        }
        i += size + 1;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

void set_manners(SSL_CTX* context, const TlsOptions& options) {
    SSL_CTX_set_min_proto_version(
        context, options.version_min == TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(
        context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Idle connections hold no buffers; a write need not be repeated from the same address.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Else each record costs two reads of the socket, one for its header.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static constexpr std::array<unsigned char, 7> session_context{'m', 'a', 'r', 't',
                                                                  'l', 'e', 't'};
    SSL_CTX_set_session_id_context(context, session_context.data(), session_context.size());
    SSL_CTX_set_alpn_select_cb(context, &select_protocol, nullptr);
    SSL_CTX_set_verify(context,
                       options.require_certificate
                           ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                           : SSL_VERIFY_NONE,
                       nullptr);
}

}  // namespace

TlsContext::TlsContext(CertificateIdentity identity)
    : context_(SSL_CTX_new(TLS_server_method())), identity_(identity) {
    if (context_ == nullptr) {
        throw std::bad_alloc();
    }
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

TlsContextResult TlsContext::make(const TlsOptions& options) {
    ERR_clear_error();
    TlsContextResult result;
    const std::shared_ptr<TlsContext> made(new TlsContext(options.identity));
    SSL_CTX* context = made->native();
    set_manners(context, options);
    if (options.require_certificate && options.cafile.empty() && options.capath.empty()) {
        result.error = "require_certificate needs a cafile or a capath";
        return result;
    }
    std::string error = load_certificate(context, options);
    if (error.empty()) {
        error = load_key(context, options, result.warnings);
    }
    if (error.empty()) {
        error = load_authorities(context, options);
    }
    if (error.empty()) {
        error = load_revocations(context, options, result.warnings);
    }
    if (error.empty()) {
        error = set_ciphers(context, options);
    }
    if (error.empty()) {
        result.context = made;
    }
    result.error = std::move(error);
    return result;
}

}  // namespace martlet::transport
