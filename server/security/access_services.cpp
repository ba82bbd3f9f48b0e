#include "server/security/access_services.hpp"

#include <utility>

#include "server/security/crypto.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t secret_bytes = 32;
constexpr auto relaxed = std::memory_order_relaxed;

}  // namespace

AccessServices::AccessServices(AccessServicesSetup setup)
    : setup_(std::move(setup)),
      decoy_secret_(random_bytes(secret_bytes)),
      verified_(std::make_shared<VerifiedPasswords>(setup_.verified_passwords_max)),
      failures_(setup_.banned_addresses_max),
      workers_(setup_.workers, setup_.logins_waiting_max) {
}

AccessCounters AccessServices::counters() const {
    AccessCounters counters;
    counters.failed_logins = failed_logins_.load(relaxed);
    counters.refused_busy = refused_busy_.load(relaxed);
    counters.refused_banned = refused_banned_.load(relaxed);
    counters.bans = bans_.load(relaxed);
    return counters;
}

bool AccessServices::is_banned(std::string_view peer, const BanPolicy& policy) {
    if (policy.failures_max == 0 || !failures_.is_banned(peer, now())) {
        return false;
    }
    refused_banned_.fetch_add(1, relaxed);
    return true;
}

void AccessServices::note_failure(std::string_view peer, const BanPolicy& policy) {
    failed_logins_.fetch_add(1, relaxed);
    if (!failures_.note_failure(peer, policy, now())) {
        return;
    }
    bans_.fetch_add(1, relaxed);
    if (setup_.log != nullptr) {
        setup_.log->on_banned(peer, policy.failures_max, policy.duration);
    }
}

bool AccessServices::try_decide(core::ShardIndex shard, core::ConnectionId connection,
                                std::function<core::AuthenticationResult()> decide) {
    const bool is_taken =
        workers_.try_submit([this, shard, connection, decide = std::move(decide)] {
            setup_.deliver(shard, connection, decide());
        });
    if (!is_taken) {
        refused_busy_.fetch_add(1, relaxed);
    }
    return is_taken;
}

}  // namespace martlet::security
