#include "server/security/simple_authenticators.hpp"

namespace martlet::security {

using protocol::ReasonCode;

Verdict refuse(ReasonCode reason, std::string_view what) {
    return {core::AuthenticationResult{reason, {}, what}, false};
}

// mosquitto's answer, too: 5 in 3.1.1.
Verdict refuse_login(std::string_view what) {
    return {core::AuthenticationResult{ReasonCode::not_authorized, {}, what}, true};
}

Verdict accept(std::string_view user_name, const Credential& proof) {
    Verdict verdict;
    verdict.result.identity = {std::string(user_name), to_text(proof)};
    return verdict;
}

Answer CertificateAuthenticator::authenticate(const LoginAttempt& attempt) const {
    const core::ConnectionInfo& info = attempt.info;
    if (info.certificate_name.empty() && is_optional_) {
        return NotMine{};
    }
    if (info.certificate_name.empty()) {
        return refuse(ReasonCode::bad_user_name_or_password, "no client certificate with a name");
    }
    return accept(info.certificate_name, {ProofKind::certificate, info.listener});
}

std::optional<bool> CertificateAuthenticator::would_accept(const core::Identity& identity,
                                                           const Credential&,
                                                           const core::ConnectionInfo& info) const {
    if (info.certificate_name.empty() && is_optional_) {
        return std::nullopt;
    }
    return !info.certificate_name.empty() && info.certificate_name == identity.user_name;
}

Answer AnonymousAuthenticator::authenticate(const LoginAttempt& attempt) const {
    if (attempt.has_credentials() && options_.checks_credentials) {
        return refuse_login("wrong user name or password");
    }
    if (options_.is_permitted) {
        return accept({}, {ProofKind::anonymous, attempt.info.listener});
    }
    if (attempt.user_name) {
        return refuse(ReasonCode::bad_user_name_or_password, "no user is known to this listener");
    }
    return refuse(ReasonCode::not_authorized,
                  "anonymous clients are not permitted on this listener");
}

std::optional<bool> AnonymousAuthenticator::would_accept(const core::Identity&,
                                                         const Credential& proof,
                                                         const core::ConnectionInfo&) const {
    return proof.kind == ProofKind::anonymous && options_.is_permitted;
}

}  // namespace martlet::security
