// Who may connect, decided by the listener alone: anonymous clients where it permits them, and
// clients whose verified certificate names them. Topics are open to everybody who got in.
// Threading: shared by all shards, internally synchronised (the policies are swapped whole).
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "server/core/access_control.hpp"

namespace martlet::security {

struct ListenerPolicy {
    bool allow_anonymous = false;
    // The client certificate's name is the user name; without one nobody gets in.
    bool certificate_names_user = false;
};

class ListenerAccess final : public core::AccessControl {
public:
    // One policy for each listener, in the order of ConnectionInfo::listener.
    explicit ListenerAccess(std::vector<ListenerPolicy> policies);
    // From the next CONNECT on; there are as many listeners as before.
    void set_policies(std::vector<ListenerPolicy> policies);

    std::optional<core::AuthenticationResult> authenticate(const protocol::ConnectView& connect,
                                                           const core::ConnectionInfo& info,
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
};

}  // namespace martlet::security
