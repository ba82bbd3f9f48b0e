// A small certification authority, made anew for each run so that nothing in the tree can expire.
//
// All files lie in one temporary directory: ca.pem, server.pem/.key, client.pem/.key (CN=sensor-7),
// expired.pem, early.pem, revoked.pem, crl.pem, old_crl.pem, other_ca.pem, stranger.pem; further
// servers of the key of server.pem: alpha.pem, wild.pem (*.example.org), rsa.pem/.key; an authority
// in between with below.pem, its list below_crl.pem and all_crl.pem (both lists); clients whose
// names are odd. Threading: the test's thread.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace martlet::transport::tests {

class TestCertificates {
public:
    static const TestCertificates& instance() {
        static const TestCertificates made;
        return made;
    }

    std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

    TestCertificates() {
        EVP_PKEY* ca_key = make_key("ca.key");
        X509* ca = make("ca.pem", "Test CA", ca_key, nullptr, ca_key, day);
        EVP_PKEY* server_key = make_key("server.key");
        X509_free(make("server.pem", "localhost", server_key, ca, ca_key, day));
        X509_free(make("expired.pem", "localhost", server_key, ca, ca_key, -day));
        X509_free(make("early.pem", "localhost", server_key, ca, ca_key, 3 * day, 2 * day));
        EVP_PKEY* client_key = make_key("client.key");
        X509_free(make("client.pem", "sensor-7", client_key, ca, ca_key, day));
        X509_free(make("client_expired.pem", "sensor-7", client_key, ca, ca_key, -day));
        X509* revoked = make("revoked.pem", "sensor-8", client_key, ca, ca_key, day);
        make_crl("crl.pem", ca, ca_key, revoked, day);
        make_crl("old_crl.pem", ca, ca_key, revoked, -60);
        EVP_PKEY* other_key = make_key("other_ca.key");
        X509* other = make("other_ca.pem", "Other CA", other_key, nullptr, other_key, day);
        X509_free(make("stranger.pem", "stranger", client_key, other, other_key, day));
        make_crl("other_crl.pem", other, other_key, nullptr, day);
        make_servers(ca, ca_key, server_key);
        make_odd_clients(ca, ca_key, client_key);
        make_below(ca, ca_key, client_key);
        X509_free(other);
        X509_free(revoked);
        X509_free(ca);
        for (EVP_PKEY* key : {ca_key, server_key, client_key, other_key}) {
            EVP_PKEY_free(key);
        }
    }

private:
    static constexpr long day = 24 * 60 * 60;

    struct Request {
        std::vector<std::string> common_names;
        std::vector<std::pair<int, std::string>> extensions;  // by NID
        long expires_in = day;
        long begins_in = -2 * day;
    };

    void make_servers(X509* ca, EVP_PKEY* ca_key, EVP_PKEY* server_key) {
        const auto make_one = [&](const char* file, const char* name, EVP_PKEY* key) {
            X509_free(make_from({{name}, {{NID_subject_alt_name, std::string("DNS:") + name}}},
                                file, key, ca, ca_key));
        };
        make_one("alpha.pem", "alpha.example.org", server_key);
        make_one("wild.pem", "*.example.org", server_key);
        EVP_PKEY* rsa_key = write_key("rsa.key", EVP_RSA_gen(2048));
        make_one("rsa.pem", "rsa.example.org", rsa_key);
        EVP_PKEY_free(rsa_key);
    }

    void make_odd_clients(X509* ca, EVP_PKEY* ca_key, EVP_PKEY* client_key) {
        const auto make_one = [&](const char* file, Request request) {
            X509_free(make_from(std::move(request), file, client_key, ca, ca_key));
        };
        make_one("two_names.pem", {{"sensor-7", "admin"}, {}});
        make_one("zero_byte.pem", {{std::string("admin\0.evil", 11)}, {}});
        make_one("nameless.pem", {});
        make_one("uri.pem", {{"x"}, {{NID_subject_alt_name, "DNS:d.example,URI:urn:dev:7"}}});
        make_one("dns.pem", {{"x"}, {{NID_subject_alt_name, "email:a@b.c,DNS:d.example"}}});
        make_one("email.pem", {{"x"}, {{NID_subject_alt_name, "IP:127.0.0.1,email:a@b.c"}}});
        make_one("address.pem", {{"x"}, {{NID_subject_alt_name, "IP:127.0.0.1"}}});
        make_one("server_only.pem", {{"sensor-7"}, {{NID_ext_key_usage, "serverAuth"}}});
        make_one("short_lived.pem", {{"sensor-7"}, {}, 2});
    }

    // below.pem holds its authority's certificate too, as a client would send it.
    void make_below(X509* ca, EVP_PKEY* ca_key, EVP_PKEY* client_key) {
        EVP_PKEY* key = make_key("middle.key");
        X509* middle = make_from({{"Middle CA"}, {{NID_basic_constraints, "critical,CA:TRUE"}}},
                                 "middle.pem", key, ca, ca_key);
        X509_free(make("below.pem", "sensor-9", client_key, middle, key, day));
        append("below.pem", "middle.pem");
        make_crl("below_crl.pem", middle, key, nullptr, day);
        make_crl("all_crl.pem", middle, key, nullptr, day);
        append("all_crl.pem", "crl.pem");
        make_crl("middle_revoked_crl.pem", ca, ca_key, middle, day);
        append("middle_revoked_crl.pem", "below_crl.pem");
        X509_free(middle);
        EVP_PKEY_free(key);
    }

    void append(const std::string& to, const std::string& what) {
        std::ifstream from(path(what));
        std::ofstream(path(to), std::ios::app) << from.rdbuf();
    }

    EVP_PKEY* make_key(const std::string& name) { return write_key(name, EVP_EC_gen("P-256")); }

    EVP_PKEY* write_key(const std::string& name, EVP_PKEY* key) {
        std::FILE* file = std::fopen(path(name).c_str(), "w");
        PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
        ::chmod(path(name).c_str(), S_IRUSR | S_IWUSR);
        return key;
    }

    X509* make(const std::string& name, const char* common_name, EVP_PKEY* key, X509* issuer,
               EVP_PKEY* issuer_key, long expires_in, long begins_in = -2 * day) {
        Request request{{common_name}, {}, expires_in, begins_in};
        if (issuer == nullptr) {
            request.extensions.emplace_back(NID_basic_constraints, "critical,CA:TRUE");
        }
        return make_from(std::move(request), name, key, issuer, issuer_key);
    }

    X509* make_from(Request request, const std::string& name, EVP_PKEY* key, X509* issuer,
                    EVP_PKEY* issuer_key) {
        X509* certificate = X509_new();
        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_);
        X509_gmtime_adj(X509_getm_notBefore(certificate), request.begins_in);
        X509_gmtime_adj(X509_getm_notAfter(certificate), request.expires_in);
        X509_set_pubkey(certificate, key);
        X509_NAME* subject = X509_get_subject_name(certificate);
        add_entry(subject, "O", "Martlet");
        for (const std::string& common_name : request.common_names) {
            add_entry(subject, "CN", common_name);
        }
        X509_set_issuer_name(certificate,
                             issuer == nullptr ? subject : X509_get_subject_name(issuer));
        for (const auto& [kind, value] : request.extensions) {
            X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
            X509_add_ext(certificate, extension, -1);
            X509_EXTENSION_free(extension);
        }
        X509_sign(certificate, issuer_key, EVP_sha256());
        std::FILE* file = std::fopen(path(name).c_str(), "w");
        PEM_write_X509(file, certificate);
        std::fclose(file);
        return certificate;
    }

    static void add_entry(X509_NAME* name, const char* field, const std::string& value) {
        X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(value.data()),
                                   static_cast<int>(value.size()), -1, 0);
    }

    void make_crl(const std::string& name, X509* issuer, EVP_PKEY* key, X509* revoked,
                  long expires_in) {
        X509_CRL* list = X509_CRL_new();
        X509_CRL_set_version(list, X509_CRL_VERSION_2);
        X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer));
        ASN1_TIME* time = ASN1_TIME_new();
        X509_gmtime_adj(time, -day);
        X509_CRL_set1_lastUpdate(list, time);
        if (revoked != nullptr) {
            X509_REVOKED* entry = X509_REVOKED_new();
            X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
            X509_REVOKED_set_revocationDate(entry, time);
            X509_CRL_add0_revoked(list, entry);
        }
        X509_gmtime_adj(time, expires_in);
        X509_CRL_set1_nextUpdate(list, time);
        ASN1_TIME_free(time);
        X509_CRL_sign(list, key, EVP_sha256());
        std::FILE* file = std::fopen(path(name).c_str(), "w");
        PEM_write_X509_CRL(file, list);
        std::fclose(file);
        X509_CRL_free(list);
    }

    martlet::tests::TemporaryDirectory directory_;
    long serial_ = 0;
};

}  // namespace martlet::transport::tests
