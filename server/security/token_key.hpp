// The key that the signatures of tokens (RFC 7515) are checked with. Its algorithm is the
// configuration's choice: a token that names another is refused, whatever its signature.
// Ownership: owns OpenSSL's key. Threading: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/security/file_fault.hpp"

struct evp_pkey_st;

namespace martlet::security {

enum class TokenAlgorithm : std::uint8_t { hs256, rs256, es256 };

// As a token's header and `jwt_algorithm` have it.
std::string_view to_string(TokenAlgorithm algorithm);
std::optional<TokenAlgorithm> token_algorithm_from(std::string_view name);

class TokenKey {
public:
    // `text` is what the file holds: a secret of 32 bytes or more for HS256 (a line end behind it
    // is not part of it), a public key in PEM for the others.
    static std::variant<TokenKey, FileFault> parse(TokenAlgorithm algorithm, std::string_view text);
    static std::variant<TokenKey, FileFault> load(TokenAlgorithm algorithm,
                                                  const std::string& path);

    TokenAlgorithm algorithm() const { return algorithm_; }
    // Differs when the key does.
    const std::string& tag() const { return tag_; }
    bool is_signature(std::string_view text, std::string_view signature) const;

private:
    struct FreeKey {
        void operator()(evp_pkey_st* key) const;
    };
    using PublicKey = std::unique_ptr<evp_pkey_st, FreeKey>;

    static PublicKey read_public_key(std::string_view pem);
    static std::string why_unsuitable(TokenAlgorithm algorithm, const PublicKey& key);
    bool is_public_key_signature(std::string_view text, std::string_view signature) const;

    TokenAlgorithm algorithm_{};
    std::string secret_;
    PublicKey public_key_;
    std::string tag_;
};

}  // namespace martlet::security
