// What is refused at startup, and in which words.
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "server/transport/tls_context.hpp"
#include "tests/transport/test_certificates.hpp"

namespace martlet::transport::tests {

namespace {

std::string file(const std::string& name) {
    return TestCertificates::instance().path(name);
}

TlsOptions server_options() {
    TlsOptions options;
    options.certfile = file("server.pem");
    options.keyfile = file("server.key");
    return options;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("tls context: a certificate and its key are enough") {
    const TlsContextResult result = TlsContext::make(server_options());
    CHECK(result.context);
    CHECK(result.error == "");
    CHECK(result.warnings.empty());
}

TEST_CASE("tls context: an error names the file and what is wrong with it") {
    TlsOptions options = server_options();
    options.certfile = "/nowhere/server.pem";
    CHECK(TlsContext::make(options).error ==
          "certfile /nowhere/server.pem: No such file or directory");
    options.certfile = file("server.key");
    CHECK(contains(TlsContext::make(options).error, "server.key: not a certificate"));

    options = server_options();
    options.keyfile = file("client.key");
    CHECK(TlsContext::make(options).error ==
          "keyfile " + file("client.key") + ": the key does not belong to the certificate in " +
              file("server.pem"));
    options.keyfile = file("server.pem");
    CHECK(contains(TlsContext::make(options).error, "server.pem: not a private key"));

    options = server_options();
    options.cafile = file("server.key");
    CHECK(contains(TlsContext::make(options).error, "cafile " + file("server.key")));
    options = server_options();
    options.crlfile = file("ca.pem");
    CHECK(contains(TlsContext::make(options).error, "ca.pem: not a revocation list"));
    options = server_options();
    options.ciphers = "NONSENSE";
    CHECK(contains(TlsContext::make(options).error, "ciphers NONSENSE: no cipher match"));
    options = server_options();
    options.client_certificate = ClientCertificate::required;
    CHECK(contains(TlsContext::make(options).error, "client certificates need a cafile"));
}

TEST_CASE("tls context: a certificate out of date is told and not refused") {
    TlsOptions options = server_options();
    options.certfile = file("expired.pem");
    TlsContextResult result = TlsContext::make(options);
    REQUIRE(result.context);
    REQUIRE(result.context->terms().size() == 1);
    CHECK(result.context->terms()[0].certfile == options.certfile);
    CHECK(result.context->terms()[0].expires < std::time(nullptr));
    options.certfile = file("early.pem");
    result = TlsContext::make(options);
    CHECK(result.context);
    REQUIRE(result.warnings.size() == 1);
    CHECK(contains(result.warnings[0], "the certificate is not valid before "));
}

TEST_CASE("tls context: a key that others can read or change is refused") {
    const TlsOptions options = server_options();
    const auto error_with = [&](mode_t mode) {
        ::chmod(options.keyfile.c_str(), mode);
        std::string error = TlsContext::make(options).error;
        ::chmod(options.keyfile.c_str(), S_IRUSR | S_IWUSR);
        return error;
    };
    CHECK(contains(error_with(0644), "run `chmod 600`"));
    CHECK(contains(error_with(0602), "run `chmod 600`"));
    CHECK(contains(error_with(0660), "run `chmod 640`"));
    CHECK(error_with(0640) == "");
    CHECK(error_with(0400) == "");
}

TEST_CASE("tls context: a key with a pass phrase is refused without asking for it") {
    TlsOptions options = server_options();
    options.keyfile = file("locked.key");
    EVP_PKEY* key = EVP_EC_gen("P-256");
    std::FILE* out = std::fopen(options.keyfile.c_str(), "w");
    ::fchmod(::fileno(out), S_IRUSR | S_IWUSR);
    PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(),
                         reinterpret_cast<const unsigned char*>("secret"), 6, nullptr, nullptr);
    std::fclose(out);
    EVP_PKEY_free(key);
    CHECK(contains(TlsContext::make(options).error, "the key is protected by a pass phrase"));
}

TEST_CASE("tls context: what OpenSSL does not know of ciphers and groups is named") {
    TlsOptions options = server_options();
    options.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:NOSUCH:!MD5";
    const TlsContextResult result = TlsContext::make(options);
    CHECK(result.context);
    REQUIRE(result.warnings.size() == 1);
    CHECK(contains(result.warnings[0], "OpenSSL has no cipher NOSUCH"));
    options = server_options();
    options.ciphersuites = "TLS_AES_128_GCM_SHA256:TLS_NOSUCH";
    CHECK(contains(TlsContext::make(options).error, "OpenSSL has no cipher suite TLS_NOSUCH"));
    options = server_options();
    options.groups = "X25519:nosuch";
    CHECK(contains(TlsContext::make(options).error, "tls_groups X25519:nosuch: OpenSSL does not"));
    options.groups = "P-384:X25519";
    CHECK(TlsContext::make(options).context);
}

TEST_CASE("tls context: parameters of Diffie-Hellman are read or refused") {
    TlsOptions options = server_options();
    options.dhparamfile = file("ca.pem");
    CHECK(contains(TlsContext::make(options).error, "ca.pem: no usable parameters"));
}

TEST_CASE("tls context: a revocation file without a list or cut short is refused") {
    TlsOptions options = server_options();
    options.cafile = file("ca.pem");
    options.crlfile = file("empty_crl.pem");
    std::ofstream(options.crlfile).close();
    CHECK(contains(TlsContext::make(options).error, "not a revocation list"));
    std::ifstream whole(file("crl.pem"));
    const std::string text{std::istreambuf_iterator<char>(whole), {}};
    std::ofstream(options.crlfile) << text << text.substr(0, text.size() / 2);
    CHECK(contains(TlsContext::make(options).error, "not a revocation list"));
}

TEST_CASE("tls context: an outdated revocation list earns a warning") {
    TlsOptions options = server_options();
    options.crlfile = file("old_crl.pem");
    const TlsContextResult result = TlsContext::make(options);
    CHECK(result.context);
    REQUIRE(result.warnings.size() == 1);
    CHECK(contains(result.warnings[0], "outdated since"));
}

}  // namespace martlet::transport::tests
