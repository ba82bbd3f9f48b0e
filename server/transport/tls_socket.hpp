// The socket below OpenSSL: one BIO for each thread, lent to whichever connection has its turn.
//
// OpenSSL's own costs each connection 200 bytes for a descriptor, writes with write() and so raises
// SIGPIPE, and after a read that has emptied the socket asks the kernel again to learn that it is
// empty. Use: a TlsTurn around every call to OpenSSL that may read or write. Ownership: each SSL
// object holds a reference to the BIO of the thread that last had it. Threading: each thread has
// its own; a TlsTurn stays on its thread.
#pragma once

#include <openssl/types.h>

namespace martlet::transport {

class TlsTurn {
public:
    TlsTurn(SSL* ssl, int socket);
    TlsTurn(const TlsTurn&) = delete;
    TlsTurn& operator=(const TlsTurn&) = delete;
    ~TlsTurn();
};

}  // namespace martlet::transport
