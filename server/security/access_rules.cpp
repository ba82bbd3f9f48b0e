#include "server/security/access_rules.hpp"

#include <utility>

#include "server/security/password_authenticator.hpp"
#include "server/security/simple_authenticators.hpp"
#include "server/security/token_authenticator.hpp"

namespace martlet::security {

namespace {

ListenerRules make_rules(const ListenerPolicy& policy,
                         const std::shared_ptr<VerifiedPasswords>& verified) {
    ListenerRules rules;
    rules.certificate_names_user = policy.certificate_names_user;
    rules.certificate_is_optional = policy.certificate_is_optional;
    rules.acl = policy.acl;
    if (policy.certificate_names_user) {
        rules.chain.push_back(
            std::make_unique<CertificateAuthenticator>(policy.certificate_is_optional));
    }
    if (policy.certificate_names_user && !policy.certificate_is_optional) {
        return rules;
    }
    if (policy.tokens) {
        rules.chain.push_back(std::make_unique<TokenAuthenticator>(policy.tokens));
    }
    if (policy.passwords) {
        rules.chain.push_back(std::make_unique<PasswordAuthenticator>(policy.passwords, verified));
    }
    const bool checks_credentials = policy.tokens || policy.passwords;
    rules.chain.push_back(std::make_unique<AnonymousAuthenticator>(
        AnonymousAuthenticator::Options{policy.allow_anonymous, checks_credentials}));
    return rules;
}

}  // namespace

std::shared_ptr<const AccessRules> make_access_rules(
    AccessSetup setup, const std::shared_ptr<VerifiedPasswords>& verified) {
    auto rules = std::make_shared<AccessRules>();
    for (const ListenerPolicy& policy : setup.listeners) {
        rules->listeners.push_back(make_rules(policy, verified));
        rules->permits_everything =
            rules->permits_everything && !policy.acl &&
            (!policy.tokens || (policy.certificate_names_user && !policy.certificate_is_optional));
    }
    rules->scram_users = std::make_shared<const ScramUsers>(std::move(setup.scram_users));
    rules->bans = setup.bans;
    return rules;
}

}  // namespace martlet::security
