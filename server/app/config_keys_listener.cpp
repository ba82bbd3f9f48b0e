// The keys of listeners: where they listen and what they speak. Those of TLS: config_keys_tls.cpp.
#include <algorithm>
#include <array>

#include "server/app/config_setters.hpp"
#include "server/transport/unix_socket.hpp"

namespace martlet::app {

namespace {

KeyProblem set_connections_max(ConfigDraft& draft, std::string_view value) {
    return set_connections(value, [&](std::optional<std::size_t> connections_max) {
        draft.current->listener.connections_max = connections_max;
    });
}

KeyProblem set_socket_domain(ConfigDraft& draft, std::string_view value) {
    static constexpr std::array choices{
        WordChoice{"ipv4", static_cast<int>(SocketFamily::ipv4)},
        WordChoice{"ipv6", static_cast<int>(SocketFamily::ipv6)},
    };
    return choose_word(value, choices, [&](int family) {
        draft.current->listener.family = static_cast<SocketFamily>(family);
    });
}

// Splits "PORT REST" and reads the port.
ValueResult<std::uint64_t> read_port(std::string_view value) {
    return read_number(value, {.min = 1, .max = 65'535});
}

// listener 0 PATH
KeyProblem set_unix_path(ListenerConfig& listener, std::string_view value) {
    if (value.empty() || value.starts_with('#')) {
        return "port 0 without a path, expected a port from 1 to 65535 or the path of a socket";
    }
    if (value.size() > transport::unix_path_length_max) {
        return fmt::format("a path of {} bytes, expected {} at most", value.size(),
                           transport::unix_path_length_max);
    }
    return store_or_tell(read_text(value),
                         [&](std::string& path) { listener.unix_path = std::move(path); });
}

// listener PORT [ADDRESS]
KeyProblem begin_listener(ConfigDraft& draft, std::string_view value) {
    const std::size_t port_length = std::min(value.find_first_of(" \t"), value.size());
    const std::string_view rest = trimmed(value.substr(port_length));
    // Even a listener that cannot be read takes the keys below it: they were meant for it.
    draft.current = &draft.listeners.emplace_back();
    draft.current->source = draft.at;
    draft.current->listener.port = 0;  // until it is read
    ListenerConfig& listener = draft.current->listener;
    if (value.substr(0, port_length) == "0") {
        return set_unix_path(listener, rest);
    }
    if (!rest.empty() && !rest.starts_with('#')) {
        const auto address = read_word(rest, "an address or a host name and nothing behind it");
        if (const auto* failed = std::get_if<ValueProblem>(&address)) {
            return failed->text;
        }
        listener.bind_address = std::get<std::string_view>(address);
    }
    return store_or_tell(read_port(value.substr(0, port_length)), [&](std::uint64_t port) {
        listener.port = static_cast<std::uint16_t>(port);
    });
}

// `port` and `bind_address` speak of the default listener wherever they stand.
KeyProblem set_default_port(ConfigDraft& draft, std::string_view value) {
    draft.default_listener.lines.insert_or_assign("port", draft.at);
    draft.default_listener.listener.port = 0;  // until it is read
    return store_or_tell(read_port(value), [&](std::uint64_t port) {
        draft.default_listener.listener.port = static_cast<std::uint16_t>(port);
    });
}

KeyProblem set_default_bind_address(ConfigDraft& draft, std::string_view value) {
    draft.default_listener.lines.insert_or_assign("bind_address", draft.at);
    const auto address = read_word(value, "an address or a host name");
    return store_or_tell(address, [&](std::string_view word) {
        draft.default_listener.listener.bind_address = word;
    });
}

constexpr KeyScope whole_file = KeyScope::file;
constexpr KeyScope listener_own = KeyScope::listener;
constexpr bool single = true;

// In alphabetical order.
constexpr auto rows = std::to_array<ConfigKey>({
    {"bind_address", whole_file, set_default_bind_address, single},
    {"listener", whole_file, begin_listener},
    {"max_connections", listener_own, set_connections_max},
    {"max_qos", listener_own, set_number<&ListenerConfig::qos_max, 0, 2>},
    {"max_topic_alias", listener_own, set_number<&ListenerConfig::topic_alias_max, 0, 65'535>},
    {"max_topic_alias_broker", listener_own,
     set_number<&ListenerConfig::sent_topic_aliases_max, 0, 65'535>},
    {"maximum_qos", listener_own, set_number<&ListenerConfig::qos_max, 0, 2>},
    {"port", whole_file, set_default_port},
    {"socket_domain", listener_own, set_socket_domain},
});

}  // namespace

std::span<const ConfigKey> listener_keys() {
    return rows;
}

}  // namespace martlet::app
