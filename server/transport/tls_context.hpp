// The TLS side of one listener: certificate, key, whom to trust, what to offer.
//
// TLS 1.2 and 1.3, no compression, no renegotiation, no early data. Sessions are resumed by
// stateless tickets whose keys live and die with the context, so a reload ends all resumption and
// with it what an older revocation list would have let in.
//
// Lifetime: shared; connections keep the context they began with. Threading: immutable.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace martlet::transport {

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

// What of a verified client certificate becomes ConnectionInfo::certificate_name.
enum class CertificateIdentity : std::uint8_t { none, common_name, subject };

struct TlsOptions {
    std::string certfile;
    std::string keyfile;
    std::string cafile;        // empty: none
    std::string capath;        // empty: none
    std::string crlfile;       // empty: none
    std::string ciphers;       // TLS 1.2; empty: OpenSSL's choice
    std::string ciphersuites;  // TLS 1.3; empty: OpenSSL's choice
    TlsVersion version_min = TlsVersion::v1_2;
    bool require_certificate = false;
    CertificateIdentity identity = CertificateIdentity::none;
};

class TlsContext;

struct TlsContextResult {
    std::shared_ptr<const TlsContext> context;  // null: see error
    std::string error;                          // names the file and what is wrong with it
    std::vector<std::string> warnings;
};

class TlsContext {
public:
    static TlsContextResult make(const TlsOptions& options);

    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext();

    SSL_CTX* native() const { return context_; }
    CertificateIdentity identity() const { return identity_; }

private:
    explicit TlsContext(CertificateIdentity identity);

    SSL_CTX* context_;
    CertificateIdentity identity_;
};

}  // namespace martlet::transport
