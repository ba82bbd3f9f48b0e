// The access control of one shard: asks the rules that are in force there, and has decided
// elsewhere what takes long.
//
// Each shard has its own and its own reference to the rules, so that a question about a topic
// touches nothing that another shard writes to.
// Ownership: shares the rules; borrows the services. Threading: its shard's thread only, apart from
// the constructor.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "server/core/access_control.hpp"
#include "server/security/access_rules.hpp"
#include "server/security/access_services.hpp"

namespace martlet::security {

class ShardAccess final : public core::AccessControl {
public:
    ShardAccess(core::ShardIndex shard, AccessServices& services,
                std::shared_ptr<const AccessRules> rules);

    // From the next question on; there are as many listeners as before.
    void set_rules(std::shared_ptr<const AccessRules> rules) { rules_ = std::move(rules); }

    std::optional<core::AuthenticationResult> authenticate(const protocol::ConnectView& connect,
                                                           const core::ConnectionInfo& info,
                                                           core::ConnectionId connection) override;
    std::unique_ptr<core::AuthenticationExchange> begin_exchange(
        std::string_view method, const core::ConnectionInfo& info,
        core::ConnectionId connection) override;
    // What was decided elsewhere, if the rules have not changed against it meanwhile: for
    // Shard::on_authenticated().
    core::AuthenticationResult confirm(core::AuthenticationResult decided) const;
    bool may_stay(const core::Identity& identity, const core::ConnectionInfo& info) const override;

    bool permits_everything() const override { return rules_->permits_everything; }
    bool may_publish(const core::Identity& identity, std::string_view client_id,
                     std::string_view topic) const override;
    bool may_subscribe(const core::Identity& identity, std::string_view client_id,
                       std::string_view filter) const override;
    bool may_read_all(const core::Identity& identity, std::string_view client_id,
                      std::string_view filter) const override;
    bool may_read(const core::Identity& identity, std::string_view client_id,
                  std::string_view topic) const override;

private:
    std::optional<core::AuthenticationResult> take(Answer answer, const core::ConnectionInfo& info,
                                                   core::ConnectionId connection);
    template <class Allows>
    bool allowed_by_acl(const std::optional<Credential>& credential, Allows allows) const;
    bool permits(const core::Identity& identity, std::string_view client_id, std::string_view topic,
                 Rights right) const;

    const core::ShardIndex shard_;
    AccessServices& services_;
    std::shared_ptr<const AccessRules> rules_;
};

}  // namespace martlet::security
