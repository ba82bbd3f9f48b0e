// What the shards' access control has in common: the workers, the cache of passwords, the bans, and
// what is counted.
//
// Ownership: the app owns it, and stops the workers before what they report to is gone.
// Threading: shared, internally synchronised.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/core/access_control.hpp"
#include "server/security/failed_logins.hpp"
#include "server/security/verified_passwords.hpp"
#include "server/security/worker_pool.hpp"

namespace martlet::security {

// Port: for the operator. Called on any thread.
class AccessLog {
public:
    virtual ~AccessLog() = default;
    // Once when a ban begins, however many attempts follow.
    virtual void on_banned(std::string_view peer, std::uint32_t failures,
                           core::Duration duration) = 0;
};

// Since the start.
struct AccessCounters {
    std::uint64_t failed_logins = 0;
    std::uint64_t refused_busy = 0;  // too many logins wait to be checked
    std::uint64_t refused_banned = 0;
    std::uint64_t bans = 0;
};

struct AccessServicesSetup {
    std::size_t workers = 1;
    std::size_t logins_waiting_max = 1000;
    std::size_t verified_passwords_max = 100'000;
    std::size_t banned_addresses_max = 100'000;
    // Brings a decision to its shard: Shard::on_authenticated() there. Called on a worker.
    std::function<void(core::ShardIndex, core::ConnectionId, core::AuthenticationResult)> deliver;
    std::function<core::Instant()> clock;
    std::function<std::chrono::system_clock::time_point()> wall_clock;
    AccessLog* log = nullptr;
};

class AccessServices {
public:
    explicit AccessServices(AccessServicesSetup setup);

    const std::shared_ptr<VerifiedPasswords>& verified() const { return verified_; }
    AccessCounters counters() const;
    void stop() { workers_.stop(); }

    // --- for ShardAccess ---
    core::Instant now() const { return setup_.clock(); }
    std::chrono::system_clock::time_point wall_now() const { return setup_.wall_clock(); }
    std::string_view decoy_secret() const { return decoy_secret_; }
    bool is_banned(std::string_view peer, const BanPolicy& policy);
    void note_failure(std::string_view peer, const BanPolicy& policy);
    // Runs `decide` on a worker and delivers what it says. False: too many wait.
    [[nodiscard]] bool try_decide(core::ShardIndex shard, core::ConnectionId connection,
                                  std::function<core::AuthenticationResult()> decide);

private:
    const AccessServicesSetup setup_;
    const std::string decoy_secret_;  // see ScramExchange; of this run
    const std::shared_ptr<VerifiedPasswords> verified_;
    FailedLogins failures_;
    std::atomic<std::uint64_t> failed_logins_ = 0;
    std::atomic<std::uint64_t> refused_busy_ = 0;
    std::atomic<std::uint64_t> refused_banned_ = 0;
    std::atomic<std::uint64_t> bans_ = 0;
    WorkerPool workers_;  // last, so that it goes first
};

}  // namespace martlet::security
