#include "server/security/listener_access.hpp"

#include <utility>

#include "protocol/assert.hpp"

namespace martlet::security {

using protocol::ReasonCode;

ListenerAccess::ListenerAccess(std::vector<ListenerPolicy> policies) {
    set_policies(std::move(policies));
}

void ListenerAccess::set_policies(std::vector<ListenerPolicy> policies) {
    policies_ = std::make_shared<const std::vector<ListenerPolicy>>(std::move(policies));
}

std::optional<core::AuthenticationResult> ListenerAccess::authenticate(
    const protocol::ConnectView& connect, const core::ConnectionInfo& info, core::ConnectionId) {
    const std::shared_ptr<const std::vector<ListenerPolicy>> policies = policies_.load();
    MARTLET_ASSERT(info.listener < policies->size());
    const ListenerPolicy& policy = (*policies)[info.listener];
    if (policy.certificate_names_user) {
        if (info.certificate_name.empty()) {
            return core::AuthenticationResult{
                ReasonCode::bad_user_name_or_password, {}, "no client certificate with a name"};
        }
        return core::AuthenticationResult{ReasonCode::success, {info.certificate_name}, {}};
    }
    if (policy.allow_anonymous) {
        // A user name that nobody has checked is no identity.
        return core::AuthenticationResult{};
    }
    if (connect.user_name) {
        return core::AuthenticationResult{
            ReasonCode::bad_user_name_or_password, {}, "no user is known to this listener"};
    }
    return core::AuthenticationResult{
        ReasonCode::not_authorized, {}, "anonymous clients are not permitted on this listener"};
}

}  // namespace martlet::security
