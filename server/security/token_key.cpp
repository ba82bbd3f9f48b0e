#include "server/security/token_key.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <utility>
#include <vector>

#include "server/security/credential.hpp"
#include "server/security/crypto.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t secret_size_min = 32;  // RFC 7518 section 3.2
constexpr int rsa_bits_min = 2048;           // RFC 7518 section 3.3
constexpr std::size_t es256_half = 32;

// r and s one behind the other, as tokens have it, in the form that OpenSSL wants.
std::optional<std::vector<unsigned char>> to_der(std::string_view signature) {
    if (signature.size() != 2 * es256_half) {
        return std::nullopt;
    }
    const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair(ECDSA_SIG_new(), ECDSA_SIG_free);
    BIGNUM* r = BN_bin2bn(bytes_of(signature), es256_half, nullptr);
    BIGNUM* s = BN_bin2bn(bytes_of(signature.substr(es256_half)), es256_half, nullptr);
    if (!pair || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return std::nullopt;
    }
    const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
    if (size <= 0) {
        return std::nullopt;
    }
    std::vector<unsigned char> der(static_cast<std::size_t>(size));
    unsigned char* end = der.data();
    i2d_ECDSA_SIG(pair.get(), &end);
    return der;
}

std::string_view without_line_end(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace

std::string_view to_string(TokenAlgorithm algorithm) {
    switch (algorithm) {
        case TokenAlgorithm::hs256:
            return "HS256";
        case TokenAlgorithm::rs256:
            return "RS256";
        case TokenAlgorithm::es256:
            return "ES256";
    }
    return {};
}

std::optional<TokenAlgorithm> token_algorithm_from(std::string_view name) {
    for (const auto algorithm :
         {TokenAlgorithm::hs256, TokenAlgorithm::rs256, TokenAlgorithm::es256}) {
        if (to_string(algorithm) == name) {
            return algorithm;
        }
    }
    return std::nullopt;
}

void TokenKey::FreeKey::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}

TokenKey::PublicKey TokenKey::read_public_key(std::string_view pem) {
    const std::unique_ptr<BIO, int (*)(BIO*)> input(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    return PublicKey(PEM_read_bio_PUBKEY(input.get(), nullptr, nullptr, nullptr));
}

std::string TokenKey::why_unsuitable(TokenAlgorithm algorithm, const PublicKey& key) {
    if (!key) {
        return "no public key in PEM, expected BEGIN PUBLIC KEY";
    }
    if (algorithm == TokenAlgorithm::rs256) {
        if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
            return "no RSA key, expected one for RS256";
        }
        if (EVP_PKEY_get_bits(key.get()) < rsa_bits_min) {
            return fmt::format("an RSA key of {} bits, expected {} or more",
                               EVP_PKEY_get_bits(key.get()), rsa_bits_min);
        }
        return {};
    }
    std::array<char, 64> group{};
    if (EVP_PKEY_get_utf8_string_param(key.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                       group.size(), nullptr) != 1 ||
        std::string_view(group.data()) != "prime256v1") {
        return "no key on the curve P-256, expected one for ES256";
    }
    return {};
}

std::variant<TokenKey, FileFault> TokenKey::parse(TokenAlgorithm algorithm, std::string_view text) {
    TokenKey key;
    key.algorithm_ = algorithm;
    text = without_line_end(text);
    const std::string_view name = to_string(algorithm);
    if (algorithm != TokenAlgorithm::hs256) {
        key.public_key_ = read_public_key(text);
        if (std::string why = why_unsuitable(algorithm, key.public_key_); !why.empty()) {
            return FileFault{0, std::move(why)};
        }
    } else {
        // Anybody can know a public key, and could sign with it.
        if (text.starts_with("-----BEGIN")) {
            return FileFault{0,
                             "a key in PEM, expected a secret for HS256 (or jwt_algorithm "
                             "RS256 or ES256 with it)"};
        }
        if (text.size() < secret_size_min) {
            return FileFault{0, fmt::format("a secret of {} bytes, expected {} or more",
                                            text.size(), secret_size_min)};
        }
        key.secret_ = text;
    }
    key.tag_ = make_tag(fmt::format("{}:{}", name, text));
    return key;
}

std::variant<TokenKey, FileFault> TokenKey::load(TokenAlgorithm algorithm,
                                                 const std::string& path) {
    const auto text = read_whole_file(path);
    if (const auto* fault = std::get_if<FileFault>(&text)) {
        return *fault;
    }
    return parse(algorithm, std::get<std::string>(text));
}

bool TokenKey::is_signature(std::string_view text, std::string_view signature) const {
    if (algorithm_ == TokenAlgorithm::hs256) {
        return is_equal_in_constant_time(as_text(hmac_sha256(secret_, text)), signature);
    }
    return is_public_key_signature(text, signature);
}

bool TokenKey::is_public_key_signature(std::string_view text, std::string_view signature) const {
    std::vector<unsigned char> bytes(bytes_of(signature), bytes_of(signature) + signature.size());
    if (algorithm_ == TokenAlgorithm::es256) {
        auto der = to_der(signature);
        if (!der) {
            return false;
        }
        bytes = std::move(*der);
    }
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     EVP_MD_CTX_free);
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, public_key_.get()) ==
               1 &&
           EVP_DigestVerify(context.get(), bytes.data(), bytes.size(), bytes_of(text),
                            text.size()) == 1;
}

}  // namespace martlet::security
