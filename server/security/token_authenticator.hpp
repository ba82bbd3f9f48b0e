// Users who present a token in place of a password.
// Ownership: shares the verifier. Threading: immutable.
#pragma once

#include <memory>

#include "server/security/authenticator.hpp"
#include "server/security/token_verifier.hpp"

namespace martlet::security {

class TokenAuthenticator final : public Authenticator {
public:
    explicit TokenAuthenticator(std::shared_ptr<const TokenVerifier> verifier)
        : verifier_(std::move(verifier)) {}

    Answer authenticate(const LoginAttempt& attempt) const override;
    std::optional<bool> would_accept(const core::Identity& identity, const Credential& proof,
                                     const core::ConnectionInfo& info) const override;

private:
    const std::shared_ptr<const TokenVerifier> verifier_;
};

}  // namespace martlet::security
