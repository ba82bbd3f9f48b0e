#include "server/app/access.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <variant>

#include "server/app/access_files.hpp"

namespace martlet::app {

namespace {

std::size_t worker_count(std::uint32_t wanted) {
    return wanted != 0 ? wanted
                       : std::clamp<std::size_t>(std::thread::hardware_concurrency() / 2, 1, 4);
}

core::Instant steady_now() {
    return core::Instant(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

Access::Access(Setup setup, Logger& logger)
    : setup_(std::move(setup)), logger_(logger), services_(make_services_setup()) {
    const auto nothing = security::make_access_rules({}, services_.verified());
    for (core::ShardIndex shard = 0; shard < setup_.shards; ++shard) {
        shards_.push_back(std::make_unique<security::ShardAccess>(shard, services_, nothing));
    }
}

security::AccessServicesSetup Access::make_services_setup() {
    security::AccessServicesSetup services;
    services.workers = worker_count(setup_.workers);
    services.deliver = [this](core::ShardIndex shard, core::ConnectionId connection,
                              const core::AuthenticationResult& result) {
        setup_.post(shard, [access = shards_[shard].get(), connection, result](core::Shard& core,
                                                                               core::Instant now) {
            core.on_authenticated(connection, access->confirm(result), now);
        });
    };
    services.clock = steady_now;
    services.wall_clock = [] { return std::chrono::system_clock::now(); };
    services.log = this;
    return services;
}

std::vector<std::string> Access::prepare(const Config& config) {
    auto loaded = load_access(config);
    if (auto* mistakes = std::get_if<std::vector<std::string>>(&loaded)) {
        return std::move(*mistakes);
    }
    prepared_ = security::make_access_rules(std::get<security::AccessSetup>(std::move(loaded)),
                                            services_.verified());
    return {};
}

void Access::begin() {
    for (const auto& shard : shards_) {
        shard->set_rules(prepared_);
    }
}

void Access::replace(transport::Transport& transport) {
    for (core::ShardIndex shard = 0; shard < setup_.shards; ++shard) {
        transport.run_on_shard(shard, [&](core::Shard& core, core::Instant now) {
            shards_[shard]->set_rules(prepared_);
            core.on_access_changed(now);
        });
    }
}

void Access::on_banned(std::string_view peer, std::uint32_t failures, core::Duration duration) {
    logger_.log(LogLevel::warning, "{} logins from {} failed; that address is refused for {} s.",
                failures, peer, std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace martlet::app
