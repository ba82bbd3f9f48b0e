// Those who need no secret: clients named by their certificate, and anonymous ones.
// Threading: immutable.
#pragma once

#include "server/security/authenticator.hpp"

namespace martlet::security {

// The verified certificate's name is the user name, whatever CONNECT says. Without one nobody gets
// in, or, where it is optional, others decide.
class CertificateAuthenticator final : public Authenticator {
public:
    explicit CertificateAuthenticator(bool is_optional) : is_optional_(is_optional) {}

    Answer authenticate(const LoginAttempt& attempt) const override;
    std::optional<bool> would_accept(const core::Identity& identity, const Credential& proof,
                                     const core::ConnectionInfo& info) const override;

private:
    const bool is_optional_;
};

// The end of a chain that can check credentials (`checks_credentials`) or not: anonymous clients if
// they are permitted. Where credentials can be checked, those that nobody took are refused; where
// they cannot, a name that nobody has checked is no identity. Decides every attempt.
class AnonymousAuthenticator final : public Authenticator {
public:
    struct Options {
        bool is_permitted = false;
        bool checks_credentials = false;
    };
    explicit AnonymousAuthenticator(Options options) : options_(options) {}

    Answer authenticate(const LoginAttempt& attempt) const override;
    std::optional<bool> would_accept(const core::Identity& identity, const Credential& proof,
                                     const core::ConnectionInfo& info) const override;

private:
    const Options options_;
};

}  // namespace martlet::security
