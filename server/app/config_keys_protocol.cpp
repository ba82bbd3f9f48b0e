// The keys of what lies between a listener's socket and MQTT: a PROXY header, WebSocket; and of
// Unix sockets.
#include <array>
#include <charconv>

#include "server/app/config_setters.hpp"

namespace martlet::app {

namespace {

KeyProblem set_protocol(ConfigDraft& draft, std::string_view value) {
    static constexpr std::array choices{WordChoice{"mqtt", 0}, WordChoice{"websockets", 1}};
    return choose_word(value, choices, [&](int is_websocket) {
        draft.current->listener.is_websocket = is_websocket != 0;
    });
}

KeyProblem set_proxy_protocol(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_number(value, {.min = 1, .max = 2}), [&](std::uint64_t version) {
        draft.current->listener.proxy_version = static_cast<std::uint8_t>(version);
    });
}

KeyProblem set_unix_socket_mode(ConfigDraft& draft, std::string_view value) {
    constexpr std::string_view expected = "octal digits up to 0777, such as 0660";
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return failed->text;
    }
    const std::string_view word = std::get<std::string_view>(read);
    constexpr int octal = 8;
    std::uint32_t mode = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, mode, octal);
    if (error != std::errc{} || stop != end || mode > 0777) {
        return fmt::format("{} is no mode, expected {}", in_quotes(word), expected);
    }
    draft.current->listener.unix_mode = mode;
    return std::nullopt;
}

KeyProblem set_websockets_headers_size(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_number(value, {.min = 0, .max = 65'535}), [&](std::uint64_t size) {
        if (size != 0) {
            draft.config.limits.websocket_headers_max = static_cast<std::uint32_t>(size);
        }
    });
}

// As a browser writes it: with the scheme, and without a path.
KeyProblem add_websockets_origin(ConfigDraft& draft, std::string_view value) {
    constexpr std::string_view expected = "an origin such as https://example.org";
    return store_or_tell(read_word(value, expected), [&](std::string_view origin) {
        draft.current->listener.websocket_origins.emplace_back(origin);
    });
}

KeyProblem set_websockets_path(ConfigDraft& draft, std::string_view value) {
    constexpr std::string_view expected = "a path such as /mqtt";
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* path = std::get_if<std::string_view>(&read);
        path != nullptr && !path->starts_with('/')) {
        return fmt::format("{} does not begin with a slash, expected {}", in_quotes(*path),
                           expected);
    }
    return store_or_tell(
        read, [&](std::string_view path) { draft.current->listener.websocket_path = path; });
}

constexpr KeyScope whole_file = KeyScope::file;
constexpr KeyScope listener_own = KeyScope::listener;
constexpr bool single = true;

// In alphabetical order.
constexpr auto rows = std::to_array<ConfigKey>({
    {"enable_proxy_protocol", listener_own, set_proxy_protocol},
    {"protocol", listener_own, set_protocol},
    {"proxy_protocol_v2_require_tls", listener_own, set_flag<&ListenerConfig::proxy_requires_tls>},
    {"unix_socket_mode", listener_own, set_unix_socket_mode},
    {"websockets_headers_size", whole_file, set_websockets_headers_size},
    {"websockets_origin", listener_own, add_websockets_origin},
    {"websockets_path", listener_own, set_websockets_path, single},
});

}  // namespace

std::span<const ConfigKey> protocol_keys() {
    return rows;
}

}  // namespace martlet::app
