// The TLS side of one listener: certificates, keys, whom to trust, what to offer.
//
// TLS 1.2 and 1.3, no compression, no renegotiation, no early data. Sessions are resumed by
// stateless tickets whose keys live and die with the context, so a reload ends all resumption and
// with it what an older revocation list would have let in; and a ticket of a client whose
// certificate is no longer trusted, because it ran out meanwhile, is not taken.
//
// Lifetime: shared; connections keep the context they began with. Threading: immutable.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "server/transport/tls_options.hpp"
#include "server/transport/tls_server_names.hpp"

namespace martlet::transport {

class TlsContext;

struct TlsContextResult {
    std::shared_ptr<const TlsContext> context;  // null: see error
    std::string error;                          // names the file and what is wrong with it
    std::vector<std::string> warnings;
};

// For who has to see to it that it is renewed in time.
struct CertificateTerm {
    std::string certfile;
    std::time_t expires = 0;  // the certificate or one that is sent along, whichever is first
};

class TlsContext {
public:
    static TlsContextResult make(const TlsOptions& options);

    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext();

    SSL_CTX* native() const { return context_; }
    std::uint16_t listener() const { return listener_; }
    CertificateIdentity identity() const { return identity_; }
    // Of every certificate it may show.
    const std::vector<CertificateTerm>& terms() const { return terms_; }

private:
    explicit TlsContext(const TlsOptions& options);

    std::string load_certificates(const TlsOptions& options, std::vector<std::string>& warnings);
    void note_term(const std::string& certfile, const TlsCertificate& certificate,
                   std::vector<std::string>& warnings);
    void listen_to_names();

    static int choose_certificate(SSL* ssl, int* alert, void* self);
    static int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                               const unsigned char* offered, unsigned int offered_size, void* self);

    SSL_CTX* context_;
    std::uint16_t listener_;
    CertificateIdentity identity_;
    std::vector<std::string> protocols_;
    TlsServerNames names_;
    std::vector<CertificateTerm> terms_;
};

}  // namespace martlet::transport
