#include "conformance/suite/scram.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

namespace martlet::conformance {

namespace {

constexpr std::size_t digest_size = 32;

const unsigned char* to_octets(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* to_octets(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

std::string hmac(const std::string& key, const std::string& text) {
    std::string digest(digest_size, '\0');
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), to_octets(text), text.size(),
         to_octets(digest), &size);
    return digest;
}

std::string sha256(const std::string& text) {
    std::string digest(digest_size, '\0');
    EVP_Digest(text.data(), text.size(), to_octets(digest), nullptr, EVP_sha256(), nullptr);
    return digest;
}

std::string to_base64(const std::string& bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(to_octets(text), to_octets(bytes), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string from_base64(const std::string& text) {
    std::string bytes(text.size(), '\0');
    const int size =
        EVP_DecodeBlock(to_octets(bytes), to_octets(text), static_cast<int>(text.size()));
    const auto padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size - padding));
    return bytes;
}

// The value of "k=value" among the message's parts.
std::string part(const std::string& message, char key) {
    for (std::size_t at = 0; at < message.size();) {
        const auto end = std::min(message.find(',', at), message.size());
        if (message.compare(at, 2, std::string{key, '='}) == 0) {
            return message.substr(at + 2, end - at - 2);
        }
        at = end + 1;
    }
    return {};
}

std::string make_nonce() {
    std::random_device device;
    std::string nonce;
    for (int i = 0; i < 18; ++i) {
        nonce += static_cast<char>(device() & 0xFFU);
    }
    return to_base64(nonce);
}

}  // namespace

Scram::Scram(const std::string& user, std::string password)
    : Scram(user, std::move(password), make_nonce()) {
}

Scram::Scram(const std::string& user, std::string password, const std::string& nonce)
    : password_(std::move(password)), first_bare_("n=" + user + ",r=" + nonce) {
}

std::string Scram::answer(const std::string& challenge) const {
    const auto salt = from_base64(part(challenge, 's'));
    const int rounds =
        std::max(std::atoi(part(challenge, 'i').c_str()), 1);  // NOLINT(cert-err34-c)
    std::string salted(digest_size, '\0');
    PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()), to_octets(salt),
                      static_cast<int>(salt.size()), std::max(rounds, 1), EVP_sha256(), digest_size,
                      to_octets(salted));
    const auto client_key = hmac(salted, "Client Key");
    const auto without_proof = "c=biws,r=" + part(challenge, 'r');
    auto proof = hmac(sha256(client_key), first_bare_ + "," + challenge + "," + without_proof);
    for (std::size_t i = 0; i < proof.size(); ++i) {
        proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    }
    return without_proof + ",p=" + to_base64(proof);
}

}  // namespace martlet::conformance
