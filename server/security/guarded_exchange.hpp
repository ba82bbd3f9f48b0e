// A SCRAM conversation with what the adapter adds to it: bans, the count of failures, and the note
// of how the identity was proved.
// Ownership: owns the conversation, shares the rules it began with; borrows the rest.
// Threading: its connection's shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/core/enhanced_authentication.hpp"
#include "server/security/access_rules.hpp"
#include "server/security/access_services.hpp"
#include "server/security/scram.hpp"

namespace martlet::security {

// Of the credentials a user proved to have; see credential.hpp.
std::string tag_of(const ScramCredentials& credentials);

class GuardedExchange final : public core::AuthenticationExchange {
public:
    // `access` is asked whether the user is still one when the conversation ends.
    GuardedExchange(std::unique_ptr<ScramExchange> inner, const core::AccessControl& access,
                    AccessServices& services, std::shared_ptr<const AccessRules> rules,
                    const core::ConnectionInfo& info);

    std::optional<core::AuthenticationStep> step(std::optional<protocol::Bytes> data) override;

private:
    const std::unique_ptr<ScramExchange> inner_;
    const core::AccessControl& access_;
    AccessServices& services_;
    const std::shared_ptr<const AccessRules> rules_;
    const core::ConnectionInfo info_;
};

}  // namespace martlet::security
