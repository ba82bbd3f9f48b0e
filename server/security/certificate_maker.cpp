#include "server/security/certificate_maker.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace martlet::security {

namespace {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;

void require(bool is_done, const char* what) {
    if (!is_done) {
        throw std::runtime_error(std::string("cannot make a certificate: ") + what);
    }
}

Key make_key() {
    Key key(EVP_EC_gen("P-256"));
    require(key != nullptr, "no key");
    return key;
}

Memory reading(const std::string& pem) {
    Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    require(memory != nullptr, "no memory");
    return memory;
}

std::string text_of(BIO* memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
    const Memory memory(BIO_new(BIO_s_mem()));
    require(memory && PEM_write_bio_X509(memory.get(), certificate) == 1, "no PEM");
    return text_of(memory.get());
}

std::string to_pem(EVP_PKEY* key) {
    const Memory memory(BIO_new(BIO_s_mem()));
    require(memory && PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr,
                                                    nullptr) == 1,
            "no PEM of the key");
    return text_of(memory.get());
}

// 159 bits, so that it is positive and no two are alike (RFC 5280, 4.1.2.2).
void set_serial(X509* certificate) {
    const Number number(BN_new());
    require(number && BN_rand(number.get(), 159, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
            "no serial number");
}

void set_subject(X509* certificate, const std::string& common_name) {
    X509_NAME* name = X509_get_subject_name(certificate);
    const auto* text =
        static_cast<const unsigned char*>(static_cast<const void*>(common_name.data()));
    require(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text,
                                       static_cast<int>(common_name.size()), -1, 0) == 1,
            "the name does not fit");
}

void add_extension(X509* certificate, X509* issuer, int type, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, type, value.c_str()));
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1,
            "an extension does not fit");
}

// Without extensions, valid from a little ago: clocks differ.
Certificate begin(const std::string& common_name, EVP_PKEY* key, int days) {
    constexpr long clocks_differ_by_s = 3600;
    constexpr int version_3 = 2;
    Certificate certificate(X509_new());
    require(certificate && X509_set_version(certificate.get(), version_3) == 1, "no memory");
    set_serial(certificate.get());
    set_subject(certificate.get(), common_name);
    require(
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -clocks_differ_by_s) != nullptr &&
            X509_time_adj_ex(X509_getm_notAfter(certificate.get()), days, 0, nullptr) != nullptr &&
            X509_set_pubkey(certificate.get(), key) == 1,
        "no memory");
    return certificate;
}

struct Purpose {
    std::string extended_use;
    std::string alternative_names;
};

CertificateAndKey make_signed(const CertificateAndKey& authority, const std::string& common_name,
                              const Purpose& purpose, int days) {
    const Certificate issuer(
        PEM_read_bio_X509(reading(authority.certificate).get(), nullptr, nullptr, nullptr));
    const Key issuer_key(
        PEM_read_bio_PrivateKey(reading(authority.key).get(), nullptr, nullptr, nullptr));
    require(issuer && issuer_key, "the authority cannot be read");
    const Key key = make_key();
    const Certificate made = begin(common_name, key.get(), days);
    X509* certificate = made.get();
    require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer.get())) == 1,
            "no memory");
    add_extension(certificate, issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate, issuer.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(certificate, issuer.get(), NID_ext_key_usage, purpose.extended_use);
    add_extension(certificate, issuer.get(), NID_subject_key_identifier, "hash");
    add_extension(certificate, issuer.get(), NID_authority_key_identifier, "keyid");
    if (!purpose.alternative_names.empty()) {
        add_extension(certificate, issuer.get(), NID_subject_alt_name, purpose.alternative_names);
    }
    require(X509_sign(certificate, issuer_key.get(), EVP_sha256()) != 0, "it cannot be signed");
    return {to_pem(certificate), to_pem(key.get())};
}

void append_names(std::string& all, const char* type, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        // A comma would begin another name.
        require(!name.empty() && name.find(',') == std::string::npos, "a name is not one");
        all += (all.empty() ? "" : ",") + std::string(type) + name;
    }
}

}  // namespace

CertificateAndKey make_authority(const std::string& common_name, int days) {
    const Key key = make_key();
    const Certificate made = begin(common_name, key.get(), days);
    X509* certificate = made.get();
    require(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1,
            "no memory");
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
    require(X509_sign(certificate, key.get(), EVP_sha256()) != 0, "it cannot be signed");
    return {to_pem(certificate), to_pem(key.get())};
}

CertificateAndKey make_server_certificate(const CertificateAndKey& authority,
                                          const ServerNames& names, int days) {
    Purpose purpose{"serverAuth", {}};
    append_names(purpose.alternative_names, "DNS:", names.dns);
    append_names(purpose.alternative_names, "IP:", names.addresses);
    require(!purpose.alternative_names.empty(), "a server needs a name");
    // A common name has 64 characters at most; names that count are the alternative ones.
    constexpr std::size_t common_name_max = 64;
    const std::string& name = names.dns.empty() ? names.addresses.front() : names.dns.front();
    return make_signed(authority, name.substr(0, common_name_max), purpose, days);
}

CertificateAndKey make_client_certificate(const CertificateAndKey& authority,
                                          const std::string& common_name, int days) {
    return make_signed(authority, common_name, {"clientAuth", {}}, days);
}

}  // namespace martlet::security
