// Makes the certificates of a small installation: an authority of its own, and what it signs.
//
// Keys are ECDSA P-256: every client of TLS 1.2 knows it, and a handshake costs little.
// Ownership: values, PEM text. Threading: pure functions but for the random numbers of OpenSSL.
#pragma once

#include <string>
#include <vector>

namespace martlet::security {

struct CertificateAndKey {
    std::string certificate;  // PEM
    std::string key;          // PEM, PKCS #8, not encrypted
};

struct ServerNames {
    std::vector<std::string> dns;
    std::vector<std::string> addresses;  // IPv4 or IPv6, as text
};

// Throw std::runtime_error; they are for the command line.
CertificateAndKey make_authority(const std::string& common_name, int days);
CertificateAndKey make_server_certificate(const CertificateAndKey& authority,
                                          const ServerNames& names, int days);
CertificateAndKey make_client_certificate(const CertificateAndKey& authority,
                                          const std::string& common_name, int days);

}  // namespace martlet::security
