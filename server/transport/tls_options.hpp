// What the operator asks of one listener's TLS. Threading: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace martlet::transport {

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

// Whether clients present a certificate of their own. One that is presented is always verified.
enum class ClientCertificate : std::uint8_t { ignored, requested, required };

// What of a verified client certificate becomes ConnectionInfo::certificate_name. See
// tls_identity.hpp.
enum class CertificateIdentity : std::uint8_t { none, common_name, subject, alternative_name };

struct CertificateFiles {
    std::string certfile;  // the server's own first, then what is above it
    std::string keyfile;
};

struct TlsOptions {
    std::uint16_t listener = 0;  // of the configuration; Transport fills it in
    std::string certfile;
    std::string keyfile;
    // For clients that ask for one of their names; everybody else gets the one above.
    std::vector<CertificateFiles> sni_certificates;
    std::string cafile;        // empty: none
    std::string capath;        // empty: none
    std::string crlfile;       // empty: none
    std::string ciphers;       // TLS 1.2; empty: OpenSSL's choice
    std::string ciphersuites;  // TLS 1.3; empty: OpenSSL's, with 128 bits first
    // Of the key exchange, the best first; empty: OpenSSL's choice. In TLS 1.3 the client's first
    // that is among them is taken.
    std::string groups;
    std::string dhparamfile;  // empty: no Diffie-Hellman over numbers in TLS 1.2
    TlsVersion version_min = TlsVersion::v1_2;
    ClientCertificate client_certificate = ClientCertificate::ignored;
    CertificateIdentity identity = CertificateIdentity::none;
    // ALPN, the best first. A client that offers others only is refused (RFC 7301); most offer
    // none.
    std::vector<std::string> protocols{"mqtt"};
};

}  // namespace martlet::transport
