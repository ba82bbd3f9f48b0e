#include "server/security/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>

#include "protocol/assert.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t sha512_size = 64;

unsigned char* writable(std::string& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

ScramKey hmac_sha256(std::string_view key, std::string_view text) {
    ScramKey result{};
    unsigned size = 0;
    const unsigned char* const made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                           bytes_of(text), text.size(), result.data(), &size);
    MARTLET_ASSERT(made != nullptr);
    MARTLET_ASSERT(size == result.size());
    return result;
}

ScramKey sha256(std::string_view text) {
    ScramKey result{};
    SHA256(bytes_of(text), text.size(), result.data());
    return result;
}

ScramKey pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    ScramKey result{};
    const int made =
        PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                          static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                          static_cast<int>(result.size()), result.data());
    MARTLET_ASSERT(made == 1);
    return result;
}

std::string sha512(std::string_view text) {
    std::string result(sha512_size, '\0');
    SHA512(bytes_of(text), text.size(), writable(result));
    return result;
}

std::string pbkdf2_sha512(std::string_view password, std::string_view salt,
                          std::uint32_t iterations) {
    std::string result(sha512_size, '\0');
    const int made =
        PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                          static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha512(),
                          static_cast<int>(result.size()), writable(result));
    MARTLET_ASSERT(made == 1);
    return result;
}

bool is_equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

std::string random_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    const int made = RAND_bytes(writable(bytes), static_cast<int>(size));
    MARTLET_ASSERT(made == 1);
    return bytes;
}

std::string_view as_text(const ScramKey& key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4, '\0');
    // Writes a terminating zero too, where the string has its own.
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                    static_cast<int>(bytes.size()));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') {
        ++padding;
    }
    const std::string_view digits = text.substr(0, text.size() - padding);
    if (text.size() % 4 != 0 || padding > text.size() / 4 * 2 ||
        digits.find_first_not_of(alphabet) != std::string_view::npos) {
        return std::nullopt;
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), bytes_of(text),
                                     static_cast<int>(text.size()));
    if (size < 0) {
        return std::nullopt;
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

std::optional<std::string> from_unpadded_base64(std::string_view text) {
    if (text.ends_with('=')) {
        return std::nullopt;
    }
    std::string padded(text);
    padded.append((4 - padded.size() % 4) % 4, '=');
    return from_base64(padded);
}

std::optional<std::string> from_base64url(std::string_view text) {
    if (text.find_first_of("+/") != std::string_view::npos) {
        return std::nullopt;
    }
    std::string usual(text);
    std::replace(usual.begin(), usual.end(), '-', '+');
    std::replace(usual.begin(), usual.end(), '_', '/');
    return from_unpadded_base64(usual);
}

std::string to_unpadded_base64(std::string_view bytes) {
    std::string text = to_base64(bytes);
    text.resize(text.find_last_not_of('=') + 1);
    return text;
}

}  // namespace martlet::security
