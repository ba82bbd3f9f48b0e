#include "server/security/listener_access.hpp"

#include <utility>

#include "protocol/assert.hpp"
#include "server/security/scram.hpp"
#include "server/security/scram_crypto.hpp"

namespace martlet::security {

using protocol::ReasonCode;

namespace {

constexpr std::size_t nonce_bytes = 18;
constexpr std::size_t secret_bytes = 32;

bool is_certificate_decisive(const ListenerPolicy& policy, const core::ConnectionInfo& info) {
    return policy.certificate_names_user &&
           !(policy.certificate_is_optional && info.certificate_name.empty());
}

}  // namespace

ListenerAccess::ListenerAccess(std::vector<ListenerPolicy> policies)
    : scram_users_(std::make_shared<const ScramUsers>()),
      decoy_secret_(random_bytes(secret_bytes)) {
    set_policies(std::move(policies));
}

void ListenerAccess::set_policies(std::vector<ListenerPolicy> policies) {
    policies_ = std::make_shared<const std::vector<ListenerPolicy>>(std::move(policies));
}

void ListenerAccess::set_scram_users(ScramUsers users) {
    scram_users_ = std::make_shared<const ScramUsers>(std::move(users));
}

std::unique_ptr<core::AuthenticationExchange> ListenerAccess::begin_exchange(
    std::string_view method, const core::ConnectionInfo& info, core::ConnectionId) {
    const std::shared_ptr<const std::vector<ListenerPolicy>> policies = policies_.load();
    MARTLET_ASSERT(info.listener < policies->size());
    std::shared_ptr<const ScramUsers> users = scram_users_.load();
    if (method != scram_sha_256 || users->empty() ||
        is_certificate_decisive((*policies)[info.listener], info)) {
        return nullptr;
    }
    return std::make_unique<ScramExchange>(std::move(users), to_base64(random_bytes(nonce_bytes)),
                                           decoy_secret_);
}

std::optional<core::AuthenticationResult> ListenerAccess::authenticate(
    const protocol::ConnectView& connect, const core::ConnectionInfo& info, core::ConnectionId) {
    const std::shared_ptr<const std::vector<ListenerPolicy>> policies = policies_.load();
    MARTLET_ASSERT(info.listener < policies->size());
    const ListenerPolicy& policy = (*policies)[info.listener];
    if (is_certificate_decisive(policy, info)) {
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
