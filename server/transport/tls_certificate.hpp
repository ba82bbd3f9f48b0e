// The certificate a server shows, with its key and the chain above it, as read from their files.
//
// A key that others can read or change is refused: whoever can read it can be this server. So is
// one that wants a pass phrase, which nobody is there to type. A certificate that is out of date is
// not: the clock may be wrong (a device without one starts in 1970), it is for the clients to
// judge, and the other listeners must go on; it is told.
//
// Ownership: a value that owns what it holds. Threading: immutable once loaded.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/transport/tls_handles.hpp"
#include "server/transport/tls_options.hpp"

namespace martlet::transport {

struct TlsCertificate {
    CertificateOwner leaf;
    KeyOwner key;
    ChainOwner chain;
    // Host names in lower case; those of the subject alternative name, or else the common name.
    std::vector<std::string> names;
    std::time_t expires = 0;      // the earliest of leaf and chain
    std::time_t valid_since = 0;  // the leaf's
};

// The keys of the configuration, for what is wrong.
struct CertificateKeys {
    std::string_view certfile = "certfile";
    std::string_view keyfile = "keyfile";
};

// Or what is wrong, and with which file.
std::variant<TlsCertificate, std::string> load_certificate(const CertificateFiles& files,
                                                           const CertificateKeys& keys);

// "" if the file can be read.
std::string check_readable(std::string_view key, const std::string& path);

// "Nov 28 21:04:06 2026 GMT".
std::string time_text(const ASN1_TIME* time);

}  // namespace martlet::transport
