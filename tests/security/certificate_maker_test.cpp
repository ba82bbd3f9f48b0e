#include "server/security/certificate_maker.hpp"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

using namespace martlet::security;

namespace {

struct FreeCertificate {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

Certificate read(const std::string& pem) {
    BIO* memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    Certificate certificate(PEM_read_bio_X509(memory, nullptr, nullptr, nullptr));
    BIO_free(memory);
    REQUIRE(certificate != nullptr);
    return certificate;
}

bool is_trusted(const CertificateAndKey& authority, const CertificateAndKey& made,
                const char* purpose) {
    const Certificate root = read(authority.certificate);
    const Certificate leaf = read(made.certificate);
    X509_STORE* store = X509_STORE_new();
    X509_STORE_add_cert(store, root.get());
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
    X509_STORE_CTX_set_default(context, purpose);
    const bool is_good = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return is_good;
}

}  // namespace

TEST_CASE("certificates: what the authority signed is trusted for its purpose alone") {
    const CertificateAndKey authority = make_authority("Test CA", 10);
    const CertificateAndKey server = make_server_certificate(
        authority, {.dns = {"localhost", "host.example"}, .addresses = {"127.0.0.1", "::1"}}, 5);
    const CertificateAndKey client = make_client_certificate(authority, "anna", 5);
    CHECK(is_trusted(authority, server, "ssl_server"));
    CHECK_FALSE(is_trusted(authority, server, "ssl_client"));
    CHECK(is_trusted(authority, client, "ssl_client"));
    CHECK_FALSE(is_trusted(authority, client, "ssl_server"));
    CHECK_FALSE(is_trusted(make_authority("Test CA", 10), server, "ssl_server"));
}

TEST_CASE("certificates: a server is known by each of its names") {
    const CertificateAndKey authority = make_authority("Test CA", 10);
    const Certificate server =
        read(make_server_certificate(
                 authority, {.dns = {"localhost", "host.example"}, .addresses = {"127.0.0.1"}}, 5)
                 .certificate);
    const auto has = [&](const char* name) {
        return X509_check_host(server.get(), name, 0, 0, nullptr) == 1;
    };
    CHECK(has("localhost"));
    CHECK(has("host.example"));
    CHECK_FALSE(has("other.example"));
    CHECK(X509_check_ip_asc(server.get(), "127.0.0.1", 0) == 1);
    CHECK(X509_check_ip_asc(server.get(), "127.0.0.2", 0) == 0);
}

TEST_CASE("certificates: names that are none are refused") {
    const CertificateAndKey authority = make_authority("Test CA", 10);
    for (const ServerNames& names :
         {ServerNames{}, ServerNames{{"a,DNS:b"}, {}}, ServerNames{{}, {"not an address"}}}) {
        CHECK_THROWS_AS(make_server_certificate(authority, names, 5), std::runtime_error);
    }
    CHECK_THROWS_AS(make_client_certificate({"", ""}, "anna", 5), std::runtime_error);
}
