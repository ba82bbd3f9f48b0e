// Access control as the application has it: one for each shard, what they share, and the replacing
// of the rules under a running broker.
//
// Ownership: owns all of it; borrows the logger. What it delivers to must outlive stop().
// Threading: the main thread, apart from what the shards ask of their ports.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/config.hpp"
#include "server/app/logging.hpp"
#include "server/security/access_services.hpp"
#include "server/security/shard_access.hpp"
#include "server/transport/transport.hpp"

namespace martlet::app {

class Access final : public security::AccessLog {
public:
    struct Setup {
        core::ShardIndex shards = 1;
        std::uint32_t workers = 0;  // 0: half of the hardware threads, four at most
        std::function<void(core::ShardIndex, transport::Transport::ShardFunction)> post;
    };
    Access(Setup setup, Logger& logger);

    core::AccessControl& port(core::ShardIndex shard) { return *shards_[shard]; }

    // Reads the files that the configuration names. All mistakes; if there are none, what was read
    // waits for begin() or replace().
    std::vector<std::string> prepare(const Config& config);
    // Before the shards run.
    void begin();
    // While they do: each takes the rules over, then asks who may stay. When this returns nothing
    // is permitted any more because it was.
    void replace(transport::Transport& transport);

    security::AccessCounters counters() const { return services_.counters(); }
    // No more logins are decided. Not before the transport has stopped.
    void stop() { services_.stop(); }

private:
    security::AccessServicesSetup make_services_setup();
    void on_banned(std::string_view peer, std::uint32_t failures, core::Duration duration) override;

    const Setup setup_;
    Logger& logger_;
    security::AccessServices services_;
    std::vector<std::unique_ptr<security::ShardAccess>> shards_;
    std::shared_ptr<const security::AccessRules> prepared_;
};

}  // namespace martlet::app
