// How a listener's TLS speaks: versions, ciphers, groups, resumption, buffers.
// Threading: for whoever makes the context.
#pragma once

#include <openssl/types.h>

#include <string>
#include <vector>

#include "server/transport/tls_options.hpp"

namespace martlet::transport {

// What is the same for everybody.
void set_manners(SSL_CTX* context, const TlsOptions& options);

// What the operator has chosen. What is wrong with it, or nothing.
std::string set_ciphers(SSL_CTX* context, const TlsOptions& options,
                        std::vector<std::string>& warnings);

}  // namespace martlet::transport
