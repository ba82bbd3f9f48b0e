#include "server/security/guarded_exchange.hpp"

#include <utility>

#include "protocol/assert.hpp"

namespace martlet::security {

using protocol::ReasonCode;

namespace {

core::AuthenticationStep refused(ReasonCode reason, std::string_view what) {
    core::AuthenticationStep step;
    step.reason = reason;
    step.what = what;
    return step;
}

}  // namespace

std::string tag_of(const ScramCredentials& credentials) {
    return make_tag(to_line("", credentials));
}

GuardedExchange::GuardedExchange(std::unique_ptr<ScramExchange> inner,
                                 const core::AccessControl& access, AccessServices& services,
                                 std::shared_ptr<const AccessRules> rules,
                                 const core::ConnectionInfo& info)
    : inner_(std::move(inner)),
      access_(access),
      services_(services),
      rules_(std::move(rules)),
      info_(info) {
}

std::optional<core::AuthenticationStep> GuardedExchange::step(std::optional<protocol::Bytes> data) {
    if (services_.is_banned(info_.peer, rules_->bans)) {
        return refused(ReasonCode::banned, "too many failed logins from this address");
    }
    auto answer = inner_->step(data);
    if (!answer) {
        return answer;
    }
    if (protocol::is_error(answer->reason)) {
        services_.note_failure(info_.peer, rules_->bans);
    } else if (answer->reason == ReasonCode::success) {
        const auto user = rules_->scram_users->find(answer->identity.user_name);
        MARTLET_ASSERT(user != rules_->scram_users->end());
        answer->identity.credential =
            to_text({ProofKind::scram, info_.listener, tag_of(user->second)});
        if (!access_.may_stay(answer->identity, info_)) {
            return refused(ReasonCode::not_authorized,
                           "the login was valid before the reload alone");
        }
    }
    return answer;
}

}  // namespace martlet::security
