// OpenSSL's objects, each with an owner.
//
// Ownership: one owner for each; where OpenSSL keeps an object too it counts references. Threading:
// as OpenSSL has it: certificates, keys and stores that nobody changes any more may be read from
// any thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace martlet::transport {

template <auto Free>
struct HandleCloser {
    template <class T>
    void operator()(T* handle) const {
        Free(handle);
    }
};

// sk_X509_pop_free() and its like are inline functions and macros.
struct ChainCloser {
    void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};
struct NamesCloser {
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

using BioOwner = std::unique_ptr<BIO, HandleCloser<&BIO_free>>;
using CertificateOwner = std::unique_ptr<X509, HandleCloser<&X509_free>>;
using ChainOwner = std::unique_ptr<STACK_OF(X509), ChainCloser>;
using ContextOwner = std::unique_ptr<SSL_CTX, HandleCloser<&SSL_CTX_free>>;
using KeyOwner = std::unique_ptr<EVP_PKEY, HandleCloser<&EVP_PKEY_free>>;
using NamesOwner = std::unique_ptr<GENERAL_NAMES, NamesCloser>;
using RevocationsOwner = std::unique_ptr<X509_CRL, HandleCloser<&X509_CRL_free>>;

}  // namespace martlet::transport
