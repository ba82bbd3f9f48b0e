#include "server/transport/tls_manners.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "server/transport/tls_certificate.hpp"
#include "server/transport/tls_error.hpp"
#include "server/transport/tls_handles.hpp"
#include "server/transport/tls_trust.hpp"

namespace martlet::transport {

namespace {

// The words of an OpenSSL list, without its separators.
std::vector<std::string> words_of(const std::string& list) {
    constexpr std::string_view separators = ":, ;";
    std::vector<std::string> words;
    for (std::size_t at = 0; at < list.size();) {
        const std::size_t end = std::min(list.find_first_of(separators, at), list.size());
        if (end != at) {
            words.push_back(list.substr(at, end - at));
        }
        at = end + 1;
    }
    return words;
}

bool is_in_1_3(const SSL_CIPHER* cipher) {
    return std::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3";
}

bool has_1_3_ciphers(const SSL_CTX* context) {
    const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
        if (is_in_1_3(sk_SSL_CIPHER_value(ciphers, i))) {
            return true;
        }
    }
    return false;
}

// Words that take ciphers away or order them find none where this OpenSSL has none such anyway.
bool is_selection(const std::string& word) {
    return std::string_view("!-+@").find(word.front()) == std::string_view::npos;
}

// OpenSSL passes over what it does not know as long as something is left. Lists are copied for
// years, so that is no error; but it is told.
void warn_of_unknown_ciphers(const TlsOptions& options, std::vector<std::string>& warnings) {
    const ContextOwner scratch(SSL_CTX_new(TLS_server_method()));
    for (const std::string& word : words_of(options.ciphers)) {
        if (is_selection(word) && SSL_CTX_set_cipher_list(scratch.get(), word.c_str()) != 1) {
            warnings.push_back(
                fmt::format("ciphers {}: OpenSSL has no cipher {}", options.ciphers, word));
        }
    }
    ERR_clear_error();
}

std::string set_suites(SSL_CTX* context, const std::string& suites) {
    const ContextOwner scratch(SSL_CTX_new(TLS_server_method()));
    for (const std::string& word : words_of(suites)) {
        if (SSL_CTX_set_ciphersuites(scratch.get(), word.c_str()) != 1 ||
            !has_1_3_ciphers(scratch.get())) {
            ERR_clear_error();
            return fmt::format("ciphers_tls1.3 {}: OpenSSL has no cipher suite {}", suites, word);
        }
    }
    if (SSL_CTX_set_ciphersuites(context, suites.c_str()) != 1) {
        return fmt::format("ciphers_tls1.3 {}: {}", suites, take_tls_reason());
    }
    return {};
}

std::string set_dh_parameters(SSL_CTX* context, const std::string& path) {
    std::string unreadable = check_readable("dhparamfile", path);
    if (!unreadable.empty()) {
        return unreadable;
    }
    const BioOwner file(BIO_new_file(path.c_str(), "r"));
    KeyOwner parameters(PEM_read_bio_Parameters(file.get(), nullptr));
    if (!parameters || SSL_CTX_set0_tmp_dh_pkey(context, parameters.get()) != 1) {
        return fmt::format("dhparamfile {}: no usable parameters in PEM format ({})", path,
                           take_tls_reason());
    }
    [[maybe_unused]] const EVP_PKEY* kept_by_context = parameters.release();
    return {};
}

// A ticket holds the client's certificate, which may have run out since. Without the certificates
// between it and ours, which it does not hold, a full handshake has to tell.
SSL_TICKET_RETURN judge_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char* /*key_name*/,
                               std::size_t /*key_name_size*/, SSL_TICKET_STATUS status,
                               void* /*unused*/) {
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    X509* peer = SSL_SESSION_get0_peer(session);
    if (peer != nullptr && !why_distrusted(SSL_get_SSL_CTX(ssl), peer, nullptr).empty()) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// OpenSSL's, but with 128 bits first: SHA-256, which processors have instructions for, makes a
// handshake a tenth cheaper than SHA-384, and a connection a quarter of a KiB smaller.
constexpr const char* default_suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

int verify_mode(ClientCertificate wanted) {
    switch (wanted) {
        case ClientCertificate::ignored:
            break;
        case ClientCertificate::requested:
            return SSL_VERIFY_PEER;
        case ClientCertificate::required:
            return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    return SSL_VERIFY_NONE;
}

}  // namespace

void set_manners(SSL_CTX* context, const TlsOptions& options) {
    SSL_CTX_set_min_proto_version(
        context, options.version_min == TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    // The order is the server's, but a client that puts ChaCha20 first has no AES in its hardware.
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_ciphersuites(context, default_suites);
    // Idle connections hold no buffers; a write need not be repeated from the same address.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Else each record costs two reads of the socket, one for its header.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // MQTT clients have one connection each: a second ticket would be made for nothing.
    SSL_CTX_set_num_tickets(context, 1);
    static constexpr std::array<unsigned char, 7> session_context{'m', 'a', 'r', 't',
                                                                  'l', 'e', 't'};
    SSL_CTX_set_session_id_context(context, session_context.data(), session_context.size());
    SSL_CTX_set_session_ticket_cb(context, nullptr, &judge_ticket, nullptr);
    SSL_CTX_set_verify(context, verify_mode(options.client_certificate), nullptr);
}

std::string set_ciphers(SSL_CTX* context, const TlsOptions& options,
                        std::vector<std::string>& warnings) {
    if (!options.ciphers.empty()) {
        if (SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
            return fmt::format("ciphers {}: {}", options.ciphers, take_tls_reason());
        }
        warn_of_unknown_ciphers(options, warnings);
    }
    if (!options.ciphersuites.empty()) {
        if (std::string error = set_suites(context, options.ciphersuites); !error.empty()) {
            return error;
        }
    }
    if (!options.groups.empty() && SSL_CTX_set1_groups_list(context, options.groups.c_str()) != 1) {
        ERR_clear_error();
        return fmt::format("tls_groups {}: OpenSSL does not know all of these groups",
                           options.groups);
    }
    return options.dhparamfile.empty() ? std::string()
                                       : set_dh_parameters(context, options.dhparamfile);
}

}  // namespace martlet::transport
