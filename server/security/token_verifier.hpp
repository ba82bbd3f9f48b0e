// JSON Web Tokens (RFC 7519): who they name, until when, and what they permit.
//
// A token needs `sub` (the user name) and `exp`; `nbf` is obeyed; `iss` and `aud` are checked where
// the configuration names them. The arrays `publ` and `subs` restrict publishing and subscribing to
// Topic Filters.
// Ownership: a value; owns its key. Threading: immutable.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

#include "server/security/token_key.hpp"

namespace martlet::security {

struct Token {
    std::string subject;
    std::chrono::seconds valid_for{};  // from now
    std::string claims;                // see topic_claims.hpp
};

struct TokenFault {
    std::string_view what;  // static phrase for the log
    bool is_forged = true;  // false: signed as it should be, but not good now or here
};

// A clock here and one there.
inline constexpr std::chrono::seconds token_leeway{30};

class TokenVerifier {
public:
    // Empty: not checked.
    struct Expectations {
        std::string issuer{};
        std::string audience{};
    };
    TokenVerifier(TokenKey key, Expectations expected)
        : key_(std::move(key)), expected_(std::move(expected)) {}

    // Whether the text is in the form of a token, so that it is not taken for a password.
    static bool looks_like_token(std::string_view text);

    std::variant<Token, TokenFault> verify(std::string_view text,
                                           std::chrono::system_clock::time_point now) const;

    const TokenKey& key() const { return key_; }

private:
    const TokenKey key_;
    const Expectations expected_;
};

}  // namespace martlet::security
