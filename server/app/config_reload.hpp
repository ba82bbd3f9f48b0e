// What a running server can take over from a new configuration, and what it cannot.
// Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "server/app/config.hpp"

namespace martlet::app {

// The keys whose change takes a restart to be obeyed, e.g. "threads", or "listener (8883)" for one
// that came, went or changed what is spoken there (TLS, WebSocket). Everything else can be swapped.
std::vector<std::string> keys_needing_restart(const Config& running, const Config& wanted);

// The running listeners, in their order, each with what `wanted` says of it apart from its socket.
std::vector<ListenerConfig> reloaded_listeners(const Config& running, const Config& wanted);

}  // namespace martlet::app
