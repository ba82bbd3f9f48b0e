#include "server/app/config_reload.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace martlet::app {

namespace {

// Whether a socket that was opened for `running` can go on as `wanted`.
bool is_same_socket(const ListenerConfig& running, const ListenerConfig& wanted) {
    return running.bind_address == wanted.bind_address &&
           running.is_loopback_only == wanted.is_loopback_only && running.port == wanted.port &&
           running.family == wanted.family && running.unix_path == wanted.unix_path &&
           running.unix_mode == wanted.unix_mode && running.is_websocket == wanted.is_websocket &&
           running.tls.has_value() == wanted.tls.has_value();
}

bool has_socket(const std::vector<ListenerConfig>& listeners, const ListenerConfig& wanted) {
    return std::any_of(listeners.begin(), listeners.end(), [&](const ListenerConfig& listener) {
        return is_same_socket(listener, wanted);
    });
}

std::string describe(const ListenerConfig& listener) {
    const std::string& where =
        listener.unix_path.empty() ? listener.bind_address : listener.unix_path;
    return where.empty() ? fmt::format("listener ({})", listener.port)
                         : fmt::format("listener ({} {})", listener.port, where);
}

}  // namespace

std::vector<std::string> keys_needing_restart(const Config& running, const Config& wanted) {
    std::vector<std::string> keys;
    const auto note = [&](bool has_changed, std::string key) {
        if (has_changed && std::find(keys.begin(), keys.end(), key) == keys.end()) {
            keys.push_back(std::move(key));
        }
    };
    for (const ListenerConfig& listener : wanted.listeners) {
        note(!has_socket(running.listeners, listener), describe(listener));
    }
    for (const ListenerConfig& listener : running.listeners) {
        note(!has_socket(wanted.listeners, listener), describe(listener));
    }
    note(running.threads != wanted.threads, "threads");
    note(running.persistence.enabled != wanted.persistence.enabled, "persistence");
    note(running.persistence.location != wanted.persistence.location, "persistence_location");
    note(running.password_workers != wanted.password_workers, "password_workers");
    note(running.pid_file != wanted.pid_file, "pid_file");
    note(running.user != wanted.user, "user");
    return keys;
}

std::vector<ListenerConfig> reloaded_listeners(const Config& running, const Config& wanted) {
    std::vector<ListenerConfig> listeners;
    for (const ListenerConfig& listener : running.listeners) {
        const auto same = std::find_if(
            wanted.listeners.begin(), wanted.listeners.end(),
            [&](const ListenerConfig& candidate) { return is_same_socket(listener, candidate); });
        listeners.push_back(same == wanted.listeners.end() ? listener : *same);
    }
    return listeners;
}

}  // namespace martlet::app
