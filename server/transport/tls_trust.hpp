// Which client certificates are trusted: authorities and revocation lists.
//
// With a revocation list in place a certificate that cannot be checked against one is refused: no
// list of its issuer or of an issuer above it, an outdated one, all fail closed. Threading: loading
// is for whoever makes the context; why_distrusted() reads only and may run on any thread.
#pragma once

#include <openssl/types.h>

#include <string>
#include <vector>

#include "server/transport/tls_handles.hpp"
#include "server/transport/tls_options.hpp"

namespace martlet::transport {

// What is wrong, or nothing.
std::string load_trust(SSL_CTX* context, const TlsOptions& options,
                       std::vector<std::string>& warnings);

// Why a client with this certificate would not be let in now; empty: it would. `chain` is what the
// client has sent along; it may be null. Takes about a tenth of a millisecond.
std::string why_distrusted(SSL_CTX* context, X509* certificate, STACK_OF(X509) * chain);

}  // namespace martlet::transport
