#include "server/security/token_authenticator.hpp"

#include <string>
#include <utility>

namespace martlet::security {

using protocol::ReasonCode;

namespace {

struct TokenLogin {
    std::string token;
    std::string user_name;  // empty: the token's
    std::uint16_t listener = 0;
    std::chrono::system_clock::time_point now;
};

Verdict check_token(const TokenVerifier& verifier, const TokenLogin& login) {
    auto verified = verifier.verify(login.token, login.now);
    if (const auto* fault = std::get_if<TokenFault>(&verified)) {
        return fault->is_forged ? refuse_login(fault->what)
                                : refuse(ReasonCode::not_authorized, fault->what);
    }
    const Token& token = std::get<Token>(verified);
    if (!login.user_name.empty() && login.user_name != token.subject) {
        return refuse_login("the token names another user");
    }
    Verdict verdict = accept(
        token.subject, {ProofKind::token, login.listener, verifier.key().tag(), token.claims});
    verdict.result.valid_for = token.valid_for;
    return verdict;
}

}  // namespace

Answer TokenAuthenticator::authenticate(const LoginAttempt& attempt) const {
    if (!attempt.password || !TokenVerifier::looks_like_token(*attempt.password)) {
        return NotMine{};
    }
    TokenLogin login{std::string(*attempt.password), std::string(attempt.user_name.value_or("")),
                     attempt.info.listener, attempt.now};
    if (verifier_->key().algorithm() == TokenAlgorithm::hs256) {
        return check_token(*verifier_, login);
    }
    // A signature with a public key takes a hundred microseconds and more.
    return Work(
        [verifier = verifier_, login = std::move(login)] { return check_token(*verifier, login); });
}

std::optional<bool> TokenAuthenticator::would_accept(const core::Identity&, const Credential& proof,
                                                     const core::ConnectionInfo&) const {
    if (proof.kind != ProofKind::token) {
        return std::nullopt;
    }
    return proof.tag == verifier_->key().tag();
}

}  // namespace martlet::security
