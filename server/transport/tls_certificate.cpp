#include "server/transport/tls_certificate.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <system_error>

#include "server/transport/tls_error.hpp"
#include "server/transport/tls_identity.hpp"

namespace martlet::transport {

namespace {

struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using FileOwner = std::unique_ptr<std::FILE, FileCloser>;

std::string system_text(int error) {
    return std::generic_category().message(error);
}

std::time_t seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return std::numeric_limits<std::time_t>::max();
    }
    return ::timegm(&parts);
}

// Nobody is there to type it.
int refuse_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

std::string read_certificates(std::string_view key, const std::string& path, TlsCertificate& into) {
    const BioOwner file(BIO_new_file(path.c_str(), "r"));
    into.leaf.reset(file ? PEM_read_bio_X509_AUX(file.get(), nullptr, &refuse_pass_phrase, nullptr)
                         : nullptr);
    if (!into.leaf) {
        return fmt::format("{} {}: not a certificate in PEM format ({})", key, path,
                           take_tls_reason());
    }
    into.chain.reset(sk_X509_new_null());
    into.expires = seconds_of(X509_get0_notAfter(into.leaf.get()));
    into.valid_since = seconds_of(X509_get0_notBefore(into.leaf.get()));
    while (CertificateOwner above{PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr)}) {
        into.expires = std::min(into.expires, seconds_of(X509_get0_notAfter(above.get())));
        sk_X509_push(into.chain.get(), above.release());
    }
    // The loop ends with an error: the end of the file, or bytes that are no certificate.
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = take_tls_reason();
    return at_end ? std::string()
                  : fmt::format("{} {}: a certificate of the chain is damaged ({})", key, path,
                                reason);
}

// Who else could have the key, and how to change that.
std::optional<std::string> check_mode(std::FILE* file) {
    struct stat status {};
    if (::fstat(::fileno(file), &status) != 0) {
        return system_text(errno);
    }
    if ((status.st_mode & S_IRWXO) != 0) {
        return "every user of this machine can read or change the key; run `chmod 600` on it (640 "
               "if a group is to read it)";
    }
    if ((status.st_mode & S_IWGRP) != 0) {
        return "its group can change the key; run `chmod 640` on it";
    }
    return std::nullopt;
}

std::string read_key(const CertificateFiles& files, const CertificateKeys& keys,
                     TlsCertificate& into) {
    const std::string& path = files.keyfile;
    const FileOwner file(std::fopen(path.c_str(), "re"));
    if (!file) {
        return fmt::format("{} {}: {}", keys.keyfile, path, system_text(errno));
    }
    bool is_encrypted = false;
    into.key.reset(PEM_read_PrivateKey(file.get(), nullptr, &refuse_pass_phrase, &is_encrypted));
    if (is_encrypted) {
        ERR_clear_error();
        return fmt::format(
            "{} {}: the key is protected by a pass phrase; `openssl pkey -in {} "
            "-out NEW` writes it without",
            keys.keyfile, path, path);
    }
    if (!into.key) {
        return fmt::format("{} {}: not a private key in PEM format ({})", keys.keyfile, path,
                           take_tls_reason());
    }
    if (const auto problem = check_mode(file.get())) {
        return fmt::format("{} {}: {}", keys.keyfile, path, *problem);
    }
    if (X509_check_private_key(into.leaf.get(), into.key.get()) != 1) {
        ERR_clear_error();
        return fmt::format("{} {}: the key does not belong to the certificate in {}", keys.keyfile,
                           path, files.certfile);
    }
    return {};
}

}  // namespace

std::string check_readable(std::string_view key, const std::string& path) {
    if (::access(path.c_str(), R_OK) == 0) {
        return {};
    }
    return fmt::format("{} {}: {}", key, path, system_text(errno));
}

std::string time_text(const ASN1_TIME* time) {
    const BioOwner memory(BIO_new(BIO_s_mem()));
    ASN1_TIME_print(memory.get(), time);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::variant<TlsCertificate, std::string> load_certificate(const CertificateFiles& files,
                                                           const CertificateKeys& keys) {
    TlsCertificate loaded;
    std::string error = check_readable(keys.certfile, files.certfile);
    if (error.empty()) {
        error = read_certificates(keys.certfile, files.certfile, loaded);
    }
    if (error.empty()) {
        error = read_key(files, keys, loaded);
    }
    if (!error.empty()) {
        return error;
    }
    loaded.names = host_names(*loaded.leaf);
    return loaded;
}

}  // namespace martlet::transport
