#include "server/security/shard_access.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/assert.hpp"
#include "server/security/crypto.hpp"
#include "server/security/guarded_exchange.hpp"
#include "server/security/topic_claims.hpp"

namespace martlet::security {

using protocol::ReasonCode;

namespace {

constexpr std::size_t nonce_bytes = 18;

std::string_view claims_of(const std::optional<Credential>& credential) {
    return credential ? credential->claims : std::string_view{};
}

}  // namespace

ShardAccess::ShardAccess(core::ShardIndex shard, AccessServices& services,
                         std::shared_ptr<const AccessRules> rules)
    : shard_(shard), services_(services), rules_(std::move(rules)) {
}

std::optional<core::AuthenticationResult> ShardAccess::authenticate(
    const protocol::ConnectView& connect, const core::ConnectionInfo& info,
    core::ConnectionId connection) {
    MARTLET_ASSERT(info.listener < rules_->listeners.size());
    LoginAttempt attempt{info, connect.user_name, std::nullopt, services_.wall_now()};
    if (connect.password) {
        attempt.password = protocol::as_text(*connect.password);
    }
    const ListenerRules& rules = rules_->listeners[info.listener];
    // Only those who want to prove something are turned away: others have not failed.
    if (attempt.has_credentials() && !rules.is_certificate_decisive(info) &&
        services_.is_banned(info.peer, rules_->bans)) {
        return core::AuthenticationResult{
            ReasonCode::banned, {}, "too many failed logins from this address"};
    }
    for (const auto& authenticator : rules.chain) {
        Answer answer = authenticator->authenticate(attempt);
        if (!std::holds_alternative<NotMine>(answer)) {
            return take(std::move(answer), info, connection);
        }
    }
    return core::AuthenticationResult{ReasonCode::not_authorized, {}, "nobody decides"};
}

std::optional<core::AuthenticationResult> ShardAccess::take(Answer answer,
                                                            const core::ConnectionInfo& info,
                                                            core::ConnectionId connection) {
    AccessServices& services = services_;
    const auto judge = [&services, peer = info.peer, bans = rules_->bans](Verdict verdict) {
        if (verdict.is_failed_login) {
            services.note_failure(peer, bans);
        }
        return std::move(verdict.result);
    };
    if (auto* verdict = std::get_if<Verdict>(&answer)) {
        return judge(std::move(*verdict));
    }
    const bool is_taken = services_.try_decide(
        shard_, connection,
        [judge, work = std::get<Work>(std::move(answer))] { return judge(work()); });
    if (is_taken) {
        return std::nullopt;
    }
    return core::AuthenticationResult{
        ReasonCode::server_busy, {}, "too many logins wait to be checked"};
}

std::unique_ptr<core::AuthenticationExchange> ShardAccess::begin_exchange(
    std::string_view method, const core::ConnectionInfo& info, core::ConnectionId) {
    MARTLET_ASSERT(info.listener < rules_->listeners.size());
    if (method != scram_sha_256 || rules_->scram_users->empty() ||
        rules_->listeners[info.listener].is_certificate_decisive(info)) {
        return nullptr;
    }
    auto scram = std::make_unique<ScramExchange>(
        rules_->scram_users, to_base64(random_bytes(nonce_bytes)), services_.decoy_secret());
    return std::make_unique<GuardedExchange>(std::move(scram), *this, services_, rules_, info);
}

core::AuthenticationResult ShardAccess::confirm(core::AuthenticationResult decided) const {
    const std::optional<Credential> proof = read_credential(decided.identity.credential);
    if (protocol::is_error(decided.reason) || !proof) {
        return decided;
    }
    core::ConnectionInfo info;
    info.listener = proof->listener;
    if (may_stay(decided.identity, info)) {
        return decided;
    }
    return core::AuthenticationResult{
        ReasonCode::not_authorized, {}, "the login was valid before the reload alone"};
}

bool ShardAccess::may_stay(const core::Identity& identity, const core::ConnectionInfo& info) const {
    MARTLET_ASSERT(info.listener < rules_->listeners.size());
    const std::optional<Credential> proof = read_credential(identity.credential);
    if (!proof) {
        return false;
    }
    const ListenerRules& rules = rules_->listeners[info.listener];
    if (proof->kind == ProofKind::scram) {
        const auto user = rules_->scram_users->find(identity.user_name);
        return !rules.is_certificate_decisive(info) && user != rules_->scram_users->end() &&
               tag_of(user->second) == proof->tag;
    }
    for (const auto& authenticator : rules.chain) {
        if (const auto would = authenticator->would_accept(identity, *proof, info)) {
            return *would;
        }
    }
    return false;
}

// A session that was restored belongs to no listener until its owner comes back; what it does in
// the meantime (its queue, a delayed will) any listener's list may permit.
template <class Allows>
bool ShardAccess::allowed_by_acl(const std::optional<Credential>& credential, Allows allows) const {
    const std::vector<ListenerRules>& listeners = rules_->listeners;
    const auto is_allowed = [&](const ListenerRules& rules) {
        return rules.acl == nullptr || allows(*rules.acl);
    };
    if (credential && credential->listener < listeners.size()) {
        return is_allowed(listeners[credential->listener]);
    }
    return std::any_of(listeners.begin(), listeners.end(), is_allowed);
}

bool ShardAccess::permits(const core::Identity& identity, std::string_view client_id,
                          std::string_view topic, Rights right) const {
    if (rules_->permits_everything) {
        return true;
    }
    const std::optional<Credential> credential = read_credential(identity.credential);
    const AclSubject subject{identity.user_name, client_id};
    return TopicClaims(claims_of(credential)).permits(topic, right) &&
           allowed_by_acl(credential,
                          [&](const Acl& acl) { return acl.permits(subject, topic, right); });
}

bool ShardAccess::may_publish(const core::Identity& identity, std::string_view client_id,
                              std::string_view topic) const {
    return permits(identity, client_id, topic, right_write);
}

bool ShardAccess::may_read(const core::Identity& identity, std::string_view client_id,
                           std::string_view topic) const {
    return permits(identity, client_id, topic, right_read);
}

bool ShardAccess::may_subscribe(const core::Identity& identity, std::string_view client_id,
                                std::string_view filter) const {
    const std::optional<Credential> credential = read_credential(identity.credential);
    const AclSubject subject{identity.user_name, client_id};
    return TopicClaims(claims_of(credential)).may_subscribe(filter) &&
           allowed_by_acl(credential,
                          [&](const Acl& acl) { return acl.may_subscribe(subject, filter); });
}

bool ShardAccess::may_read_all(const core::Identity& identity, std::string_view client_id,
                               std::string_view filter) const {
    const std::optional<Credential> credential = read_credential(identity.credential);
    const AclSubject subject{identity.user_name, client_id};
    return TopicClaims(claims_of(credential)).may_read_all(filter) &&
           allowed_by_acl(credential,
                          [&](const Acl& acl) { return acl.may_read_all(subject, filter); });
}

}  // namespace martlet::security
