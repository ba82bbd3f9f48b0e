// What is refused at startup, and in which words.
#include <doctest/doctest.h>
#include <sys/stat.h>

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
    options.certfile = file("expired.pem");
    CHECK(contains(TlsContext::make(options).error, "expired.pem: the certificate expired on "));
    CHECK(contains(TlsContext::make(options).error, " GMT"));
    options.certfile = file("early.pem");
    CHECK(contains(TlsContext::make(options).error, "the certificate is not valid before "));

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
    options.require_certificate = true;
    CHECK(contains(TlsContext::make(options).error, "require_certificate needs a cafile"));
}

TEST_CASE("tls context: a key that everybody can read earns a warning") {
    const TlsOptions options = server_options();
    ::chmod(options.keyfile.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    const TlsContextResult result = TlsContext::make(options);
    ::chmod(options.keyfile.c_str(), S_IRUSR | S_IWUSR);
    CHECK(result.context);
    REQUIRE(result.warnings.size() == 1);
    CHECK(contains(result.warnings[0], "can read the key"));
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
