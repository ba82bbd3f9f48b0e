// Who may connect: anonymous clients where the listener permits them, clients whose verified
// certificate names them, and users who prove by SCRAM-SHA-256 that they know their password.
// Topics are open to everybody who got in. Threading: shared by all shards, internally synchronised
// (policies and users are swapped whole).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "server/core/access_control.hpp"
#include "server/security/scram_credentials.hpp"

namespace martlet::security {

struct ListenerPolicy {
    bool allow_anonymous = false;
    // The client certificate's name is the user name; without one nobody gets in.
    bool certificate_names_user = false;
    // Except where one is only asked for: clients without are judged like those of other listeners.
    bool certificate_is_optional = false;
};

class ListenerAccess final : public core::AccessControl {
public:
    // One policy for each listener, in the order of ConnectionInfo::listener.
    explicit ListenerAccess(std::vector<ListenerPolicy> policies);
    // From the next CONNECT on; there are as many listeners as before.
    void set_policies(std::vector<ListenerPolicy> policies);
    // From the next exchange on; without users none is begun.
    void set_scram_users(ScramUsers users);

    std::optional<core::AuthenticationResult> authenticate(const protocol::ConnectView& connect,
                                                           const core::ConnectionInfo& info,
                                                           core::ConnectionId connection) override;
    std::unique_ptr<core::AuthenticationExchange> begin_exchange(
        std::string_view method, const core::ConnectionInfo& info,
        core::ConnectionId connection) override;
    bool permits_everything() const override { return true; }
    bool may_publish(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
    bool may_subscribe(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
    bool may_read(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }

private:
    std::atomic<std::shared_ptr<const std::vector<ListenerPolicy>>> policies_;
    std::atomic<std::shared_ptr<const ScramUsers>> scram_users_;
    const std::string decoy_secret_;  // see ScramExchange; of this run
};

}  // namespace martlet::security
