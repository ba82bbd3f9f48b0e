// From the configuration's words to what the layers below are built with.
// Threading: pure functions.
#pragma once

#include <vector>

#include "server/app/config.hpp"
#include "server/core/limits.hpp"
#include "server/transport/transport.hpp"

namespace martlet::app {

core::Limits make_limits(const Config& config);
std::vector<transport::ListenerOptions> make_listener_options(
    const Config& config, const std::vector<ListenerConfig>& listeners);
transport::ArrivalLimits make_arrival_limits(const Config& config);
std::size_t make_connections_max(const Config& config);
transport::ReloadOptions make_reload_options(const Config& config);
core::ShardIndex make_shard_count(const Config& config);

}  // namespace martlet::app
