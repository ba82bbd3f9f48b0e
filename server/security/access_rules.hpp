// Who may connect to each listener and what they may do there: everything that a reload replaces.
//
// The order in which a listener's authenticators are asked:
//   1. its clients' certificates, if they name the users: they alone decide then, where one is
//      required or presented;
//   2. tokens, if there is a key for them and what is presented looks like one;
//   3. the password file, if there is one and a user name is presented;
//   4. anonymous clients. Where 2 or 3 exist, credentials that nobody took are refused here.
// Ownership: owns the authenticators, shares the files. Threading: immutable.
#pragma once

#include <memory>
#include <vector>

#include "server/security/acl.hpp"
#include "server/security/authenticator.hpp"
#include "server/security/failed_logins.hpp"
#include "server/security/password_file.hpp"
#include "server/security/scram_credentials.hpp"
#include "server/security/token_verifier.hpp"
#include "server/security/verified_passwords.hpp"

namespace martlet::security {

// What a listener is given; null where it has none.
struct ListenerPolicy {
    bool allow_anonymous = false;
    // The client certificate's name is the user name; without one nobody gets in.
    bool certificate_names_user = false;
    // Except where one is only asked for: clients without are judged like those of other listeners.
    bool certificate_is_optional = false;
    std::shared_ptr<const PasswordFile> passwords{};
    std::shared_ptr<const TokenVerifier> tokens{};
    std::shared_ptr<const Acl> acl{};  // null: every topic is permitted
};

struct ListenerRules {
    bool certificate_names_user = false;
    bool certificate_is_optional = false;
    std::vector<std::unique_ptr<const Authenticator>> chain;  // the last decides every attempt
    std::shared_ptr<const Acl> acl;

    // Whether the certificate, or that there is none, is all that counts.
    bool is_certificate_decisive(const core::ConnectionInfo& info) const {
        return certificate_names_user &&
               !(certificate_is_optional && info.certificate_name.empty());
    }
};

struct AccessRules {
    std::vector<ListenerRules> listeners;  // in the order of ConnectionInfo::listener
    std::shared_ptr<const ScramUsers> scram_users;
    BanPolicy bans{};
    bool permits_everything = true;  // no access list, and no token that could restrict anybody
};

struct AccessSetup {
    std::vector<ListenerPolicy> listeners;
    ScramUsers scram_users;
    BanPolicy bans{};
};

std::shared_ptr<const AccessRules> make_access_rules(
    AccessSetup setup, const std::shared_ptr<VerifiedPasswords>& verified);

}  // namespace martlet::security
