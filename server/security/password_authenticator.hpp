// Users of a password_file. A password that was verified before is answered at once; another is
// hashed on a worker. Somebody unknown takes as long as somebody known.
// Ownership: shares the file and the cache. Threading: immutable.
#pragma once

#include <memory>

#include "server/security/authenticator.hpp"
#include "server/security/password_file.hpp"
#include "server/security/verified_passwords.hpp"

namespace martlet::security {

class PasswordAuthenticator final : public Authenticator {
public:
    PasswordAuthenticator(std::shared_ptr<const PasswordFile> file,
                          std::shared_ptr<VerifiedPasswords> verified);

    Answer authenticate(const LoginAttempt& attempt) const override;
    std::optional<bool> would_accept(const core::Identity& identity, const Credential& proof,
                                     const core::ConnectionInfo& info) const override;

private:
    const std::shared_ptr<const PasswordFile> file_;
    const std::shared_ptr<VerifiedPasswords> verified_;
};

}  // namespace martlet::security
