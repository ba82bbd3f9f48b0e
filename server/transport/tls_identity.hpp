// What a certificate says whose it is, in words that are safe to be compared.
//
// A certificate that says it in a way that two programs could read differently says nothing: a name
// with a zero byte in it, one that is not UTF-8, an empty one, more than one common name.
// Threading: pure functions.
#pragma once

#include <openssl/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/transport/tls_options.hpp"

namespace martlet::transport {

struct PeerIdentity {
    std::string name;         // empty: none
    std::string_view defect;  // why there is none
};

// Of alternative names the first that is there counts: a URI, or else a DNS name, or else an e-mail
// address. The subject is written as in RFC 2253: "CN=client,O=Martlet".
PeerIdentity identity_of(const X509& certificate, CertificateIdentity kind);

// The host names a server's certificate is for, in lower case: the DNS names of its subject
// alternative name or, without any, its common name.
std::vector<std::string> host_names(const X509& certificate);

}  // namespace martlet::transport
