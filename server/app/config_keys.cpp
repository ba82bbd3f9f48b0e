// The accepted keys: the parser of each, and the table that names them.
#include "server/app/config_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <type_traits>

#include "protocol/utf8.hpp"
#include "server/app/config_values.hpp"
#include "server/security/scram_credentials.hpp"

namespace martlet::app {

namespace {

constexpr std::uint64_t packet_size_protocol_max = 268'435'460;  // what a Remaining Length can say
constexpr std::uint64_t count_max = 1'000'000'000;
constexpr std::uint64_t bytes_max = 1ULL << 50U;

// Where a member of each part of the configuration is in the draft. Listener keys write to the
// listener above them.
template <class T>
T& field(ConfigDraft& draft, T Config::*member) {
    return draft.config.*member;
}
template <class T>
T& field(ConfigDraft& draft, T LimitsConfig::*member) {
    return draft.config.limits.*member;
}
template <class T>
T& field(ConfigDraft& draft, T LogConfig::*member) {
    return draft.config.log.*member;
}
template <class T>
T& field(ConfigDraft& draft, T PersistenceConfig::*member) {
    return draft.config.persistence.*member;
}
template <class T>
T& field(ConfigDraft& draft, T ListenerConfig::*member) {
    return draft.current->listener.*member;
}
template <class T>
T& field(ConfigDraft& draft, T TlsConfig::*member) {
    return draft.current->tls.*member;
}
template <class T>
T& field(ConfigDraft& draft, T AccessDraft::*member) {
    return draft.current_access().*member;
}

// Hands a value that was read to `store`, or its problem back.
template <class T, class Store>
KeyProblem store_or_tell(ValueResult<T> result, Store store) {
    if (auto* failed = std::get_if<ValueProblem>(&result)) {
        return std::move(failed->text);
    }
    store(std::get<T>(result));
    return std::nullopt;
}

template <auto Member>
KeyProblem set_flag(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_flag(value), [&](bool flag) { field(draft, Member) = flag; });
}

template <auto Member>
KeyProblem set_text(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_text(value),
                         [&](std::string& text) { field(draft, Member) = std::move(text); });
}

template <auto Member, std::uint64_t Min, std::uint64_t Max>
KeyProblem set_number(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_number(value, {.min = Min, .max = Max}), [&](std::uint64_t number) {
        auto& target = field(draft, Member);
        target = static_cast<std::remove_reference_t<decltype(target)>>(number);
    });
}

template <auto Member, std::uint64_t Min, std::uint64_t Max>
KeyProblem set_size(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_size(value, {.min = Min, .max = Max}), [&](std::uint64_t bytes) {
        auto& target = field(draft, Member);
        using Target = std::remove_reference_t<decltype(target)>;
        if constexpr (std::same_as<Target, std::optional<std::size_t>>) {
            target = bytes;
        } else {
            target = static_cast<Target>(bytes);
        }
    });
}

// In the unit of the member.
template <auto Member, std::uint64_t Min, std::uint64_t Max>
KeyProblem set_duration(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_number(value, {.min = Min, .max = Max}), [&](std::uint64_t number) {
        auto& target = field(draft, Member);
        target = std::remove_reference_t<decltype(target)>{number};
    });
}

KeyProblem set_expiration(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_duration(value), [&](std::chrono::seconds duration) {
        draft.config.persistent_client_expiration = duration;
    });
}

struct WordChoice {
    std::string_view word;
    int value;
};

// Reads one of a few words and hands its value to `store`.
template <class Store>
KeyProblem choose_word(std::string_view value, std::span<const WordChoice> choices, Store store) {
    std::string expected;
    for (const WordChoice& choice : choices) {
        expected += fmt::format("{}{}", expected.empty() ? "" : " or ", choice.word);
    }
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return failed->text;
    }
    for (const WordChoice& choice : choices) {
        if (choice.word == std::get<std::string_view>(read)) {
            store(choice.value);
            return std::nullopt;
        }
    }
    return fmt::format("{} is not known, expected {}", in_quotes(std::get<std::string_view>(read)),
                       expected);
}

bool is_word(std::string_view value, std::string_view word) {
    return value.substr(0, value.find_first_of(" \t")) == word;
}

// -1 for no limit, as mosquitto writes it; `store` gets none for that.
template <class Store>
KeyProblem set_connections(std::string_view value, Store store) {
    if (is_word(value, "-1")) {
        store(std::optional<std::size_t>{});
        return std::nullopt;
    }
    auto problem = store_or_tell(read_number(value, {.min = 0, .max = count_max}),
                                 [&](std::uint64_t n) { store(std::optional<std::size_t>{n}); });
    return problem ? *problem + ", or -1 for no limit" : problem;
}

KeyProblem set_connections_max(ConfigDraft& draft, std::string_view value) {
    return set_connections(value, [&](std::optional<std::size_t> connections_max) {
        draft.current->listener.connections_max = connections_max;
    });
}

KeyProblem set_global_connections_max(ConfigDraft& draft, std::string_view value) {
    return set_connections(value, [&](std::optional<std::size_t> connections_max) {
        draft.config.limits.connections_max = connections_max.value_or(0);
    });
}

KeyProblem set_inflight_messages_max(ConfigDraft& draft, std::string_view value) {
    constexpr std::uint16_t no_limit = 65'535;  // there are no more packet identifiers
    return store_or_tell(read_number(value, {.min = 0, .max = no_limit}),
                         [&](std::uint64_t number) {
                             draft.config.limits.inflight_messages_max =
                                 number == 0 ? no_limit : static_cast<std::uint16_t>(number);
                         });
}

// Unset and 20 or more, as in mosquitto: below 20 bytes ordinary clients cannot work.
constexpr std::uint64_t packet_size_min = 20;

KeyProblem set_auto_id_prefix(ConfigDraft& draft, std::string_view value) {
    constexpr std::size_t length_max = 64;
    if (value.size() > length_max) {
        return fmt::format("{} bytes, expected {} at most", value.size(), length_max);
    }
    if (!protocol::is_valid_utf8(value)) {
        return fmt::format("{} is not UTF-8, expected the beginning of a client identifier",
                           in_quotes(value));
    }
    return set_text<&AccessDraft::auto_id_prefix>(draft, value);
}

// Read here for its mistakes alone; whoever needs the users reads it again.
KeyProblem set_scram_file(ConfigDraft& draft, std::string_view value) {
    KeyProblem problem = set_text<&Config::scram_file>(draft, value);
    if (problem) {
        return problem;
    }
    const auto loaded = security::load_scram_users(draft.config.scram_file);
    const auto* fault = std::get_if<security::ScramFileFault>(&loaded);
    if (fault == nullptr) {
        return std::nullopt;
    }
    return fault->line == 0
               ? fmt::format("cannot read {} ({}), expected a readable file", in_quotes(value),
                             fault->what)
               : fmt::format("{} line {}: {}", in_quotes(value), fault->line, fault->what);
}

// Text for a property of a packet, which has to leave room for others.
template <auto Member>
KeyProblem set_property_text(ConfigDraft& draft, std::string_view value) {
    constexpr std::size_t length_max = 1024;
    if (value.size() > length_max) {
        return fmt::format("{} bytes, expected {} at most", value.size(), length_max);
    }
    if (!protocol::is_valid_utf8(value)) {
        return fmt::format("{} is not UTF-8, expected text", in_quotes(value));
    }
    return set_text<Member>(draft, value);
}

KeyProblem set_response_information_prefix(ConfigDraft& draft, std::string_view value) {
    if (value.find_first_of("+#") != std::string_view::npos) {
        return fmt::format("{} has a wildcard, expected the beginning of a topic",
                           in_quotes(value));
    }
    return set_property_text<&Config::response_information_prefix>(draft, value);
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

KeyProblem set_tls_version(ConfigDraft& draft, std::string_view value) {
    static constexpr std::array choices{
        WordChoice{"tlsv1.2", static_cast<int>(TlsVersion::v1_2)},
        WordChoice{"tlsv1.3", static_cast<int>(TlsVersion::v1_3)},
    };
    for (const std::string_view old : {"tlsv1.1", "tlsv1.0", "tlsv1", "sslv3"}) {
        if (is_word(value, old)) {
            return "TLS below 1.2 is never offered, expected tlsv1.2 or tlsv1.3";
        }
    }
    return choose_word(value, choices, [&](int version) {
        draft.current->tls.version_min = static_cast<TlsVersion>(version);
    });
}

KeyProblem check_keyform(ConfigDraft& /*draft*/, std::string_view value) {
    static constexpr std::array choices{WordChoice{"pem", 0}};
    return choose_word(value, choices, [](int) {});
}

KeyProblem set_protocol(ConfigDraft& /*draft*/, std::string_view value) {
    static constexpr std::array choices{WordChoice{"mqtt", 0}};
    if (is_word(value, "websockets")) {
        return "WebSockets are not supported yet, expected mqtt (a proxy can translate meanwhile)";
    }
    return choose_word(value, choices, [](int) {});
}

// Splits "PORT REST" and reads the port.
ValueResult<std::uint64_t> read_port(std::string_view value) {
    return read_number(value, {.min = 1, .max = 65'535});
}

// listener PORT [ADDRESS]
KeyProblem begin_listener(ConfigDraft& draft, std::string_view value) {
    const std::size_t port_length = std::min(value.find_first_of(" \t"), value.size());
    const std::string_view rest = trimmed(value.substr(port_length));
    // Even a listener that cannot be read takes the keys below it: they were meant for it.
    draft.current = &draft.listeners.emplace_back();
    draft.current->source = draft.at;
    draft.current->listener.port = 0;  // until it is read
    if (value.substr(0, port_length) == "0") {
        return rest.empty() || rest.starts_with('#')
                   ? "port 0 without an address, expected a port from 1 to 65535"
                   : "Unix sockets are not supported yet, expected a port from 1 to 65535";
    }
    ListenerConfig& listener = draft.current->listener;
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

KeyProblem set_per_listener_settings(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_flag(value), [&](bool flag) {
        if (flag && !draft.per_listener_settings && !draft.access.lines.empty()) {
            const auto& [key, source] = *draft.access.lines.begin();
            draft.add_error(draft.at, "per_listener_settings",
                            fmt::format("comes after {} ({}), expected before any access setting",
                                        key, to_string(source)));
        }
        // Once on it stays on, as in mosquitto: the lines above were read that way.
        draft.per_listener_settings = draft.per_listener_settings || flag;
    });
}

KeyProblem add_log_file(ConfigDraft& draft, std::string_view path) {
    if (path.empty()) {
        return "no path, expected file PATH";
    }
    if (!draft.config.log.file.empty()) {
        return "a second file, expected one at most";
    }
    return set_text<&LogConfig::file>(draft, path);
}

KeyProblem add_log_dest(ConfigDraft& draft, std::string_view value) {
    LogConfig& log = draft.config.log;
    enum : std::uint8_t { none, to_stderr, to_stdout, to_syslog };
    static constexpr std::array choices{
        WordChoice{"stderr", to_stderr}, WordChoice{"stdout", to_stdout},
        WordChoice{"syslog", to_syslog}, WordChoice{"file PATH", none},
        WordChoice{"none", none},
    };
    if (!draft.is_log_dest_given || is_word(value, "none")) {
        log.to_stderr = log.to_stdout = log.to_syslog = false;
        log.file.clear();
    }
    draft.is_log_dest_given = true;
    if (is_word(value, "file")) {
        return add_log_file(draft, trimmed(value.substr(4)));
    }
    if (is_word(value, "topic") || is_word(value, "dlt")) {
        return fmt::format(
            "{} is not supported, expected stderr, stdout, syslog, file PATH or none",
            in_quotes(value));
    }
    return choose_word(value, choices, [&](int choice) {
        log.to_stderr = log.to_stderr || choice == to_stderr;
        log.to_stdout = log.to_stdout || choice == to_stdout;
        log.to_syslog = log.to_syslog || choice == to_syslog;
    });
}

KeyProblem add_log_type(ConfigDraft& draft, std::string_view value) {
    constexpr std::string_view expected =
        "error, warning, notice, information, debug, subscribe, unsubscribe, websockets, all or "
        "none";
    const ValueResult<std::string_view> read = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&read)) {
        return failed->text;
    }
    LogLevelSet& levels = draft.config.log.levels;
    const std::string_view word = std::get<std::string_view>(read);
    const std::optional<LogLevel> level = log_level_from_word(word);
    if (!level && word != "all" && word != "none") {
        return fmt::format("{} is not known, expected {}", in_quotes(word), expected);
    }
    if (!draft.is_log_type_given || word == "none") {
        levels = {};
    }
    draft.is_log_type_given = true;
    if (level) {
        levels = levels.with(*level);
    } else if (word == "all") {
        levels = LogLevelSet::all();
    }
    return std::nullopt;
}

KeyProblem set_log_format(ConfigDraft& draft, std::string_view value) {
    static constexpr std::array choices{WordChoice{"text", 0}, WordChoice{"json", 1}};
    return choose_word(value, choices, [&](int json) { draft.config.log.json = json != 0; });
}

KeyProblem set_timestamp_format(ConfigDraft& draft, std::string_view value) {
    KeyProblem problem = set_text<&LogConfig::timestamp_format>(draft, value);
    if (value == "epoch") {
        draft.config.log.timestamp_format.clear();
    }
    return problem;
}

constexpr KeyScope whole_file = KeyScope::file;
constexpr KeyScope listener_own = KeyScope::listener;
constexpr KeyScope access = KeyScope::access;
constexpr bool single = true;

// In alphabetical order.
constexpr auto accepted = std::to_array<ConfigKey>({
    {"allow_anonymous", access, set_flag<&AccessDraft::allow_anonymous>},
    {"allow_zero_length_clientid", access, set_flag<&AccessDraft::allow_zero_length_clientid>},
    {"auto_id_prefix", access, set_auto_id_prefix, single},
    {"bind_address", whole_file, set_default_bind_address, single},
    {"cafile", listener_own, set_text<&TlsConfig::cafile>, single},
    {"capath", listener_own, set_text<&TlsConfig::capath>, single},
    {"certfile", listener_own, set_text<&TlsConfig::certfile>, single},
    {"ciphers", listener_own, set_text<&TlsConfig::ciphers>, single},
    {"ciphers_tls1.3", listener_own, set_text<&TlsConfig::ciphers_tls13>, single},
    {"connect_timeout_s", whole_file, set_duration<&LimitsConfig::connect_timeout, 1, 3600>},
    {"connection_messages", whole_file, set_flag<&LogConfig::connection_messages>},
    {"crlfile", listener_own, set_text<&TlsConfig::crlfile>, single},
    {"global_max_connections", whole_file, set_global_connections_max},
    {"keyfile", listener_own, set_text<&TlsConfig::keyfile>, single},
    {"listener", whole_file, begin_listener},
    {"log_dest", whole_file, add_log_dest},
    {"log_facility", whole_file, set_number<&LogConfig::syslog_facility, 0, 7>},
    {"log_format", whole_file, set_log_format},
    {"log_timestamp", whole_file, set_flag<&LogConfig::timestamp>},
    {"log_timestamp_format", whole_file, set_timestamp_format, single},
    {"log_type", whole_file, add_log_type},
    {"max_connections", listener_own, set_connections_max},
    {"max_inflight_messages", whole_file, set_inflight_messages_max},
    {"max_keepalive", whole_file, set_number<&LimitsConfig::keep_alive_max_s, 0, 65'535>},
    {"max_packet_size", whole_file,
     set_size<&LimitsConfig::packet_size_max, packet_size_min, packet_size_protocol_max>},
    {"max_qos", listener_own, set_number<&ListenerConfig::qos_max, 0, 2>},
    {"max_queued_bytes", whole_file, set_size<&LimitsConfig::queued_bytes_max, 0, bytes_max>},
    {"max_queued_messages", whole_file,
     set_number<&LimitsConfig::queued_messages_max, 0, count_max>},
    {"max_topic_alias", listener_own, set_number<&ListenerConfig::topic_alias_max, 0, 65'535>},
    {"max_topic_alias_broker", listener_own,
     set_number<&ListenerConfig::sent_topic_aliases_max, 0, 65'535>},
    {"maximum_qos", listener_own, set_number<&ListenerConfig::qos_max, 0, 2>},
    {"memory_limit", whole_file, set_size<&LimitsConfig::memory_bytes_max, 0, bytes_max>},
    {"message_size_limit", whole_file,
     set_size<&LimitsConfig::payload_size_max, 0, packet_size_protocol_max - 5>},
    {"packet_size_before_connect_max", whole_file,
     set_size<&LimitsConfig::packet_size_before_connect_max, 128, packet_size_protocol_max>},
    {"per_listener_settings", whole_file, set_per_listener_settings},
    {"persistence", whole_file, set_flag<&PersistenceConfig::enabled>},
    {"persistence_commit_delay_ms", whole_file,
     set_duration<&PersistenceConfig::commit_delay, 0, 10'000>},
    {"persistence_location", whole_file, set_text<&PersistenceConfig::location>, single},
    {"persistent_client_expiration", whole_file, set_expiration},
    {"pid_file", whole_file, set_text<&Config::pid_file>, single},
    {"port", whole_file, set_default_port},
    {"protocol", listener_own, set_protocol},
    {"queue_qos0_messages", whole_file, set_flag<&Config::queue_qos0_messages>},
    {"require_certificate", listener_own, set_flag<&TlsConfig::require_certificate>},
    {"response_information_prefix", whole_file, set_response_information_prefix, single},
    {"retain_available", whole_file, set_flag<&Config::retain_available>},
    {"retained_bytes_max", whole_file, set_size<&LimitsConfig::retained_bytes_max, 0, bytes_max>},
    {"retained_messages_max", whole_file,
     set_number<&LimitsConfig::retained_messages_max, 0, count_max>},
    {"retained_persistence", whole_file, set_flag<&PersistenceConfig::enabled>},
    {"scram_file", whole_file, set_scram_file, single},
    {"server_reference", whole_file, set_property_text<&Config::server_reference>, single},
    {"set_tcp_nodelay", whole_file, set_flag<&Config::set_tcp_nodelay>},
    {"slow_subscriber_grace_ms", whole_file,
     set_duration<&LimitsConfig::slow_subscriber_grace, 0, 3'600'000>},
    {"socket_domain", listener_own, set_socket_domain},
    {"subscriptions_per_client_max", whole_file,
     set_number<&LimitsConfig::subscriptions_per_client_max, 0, count_max>},
    {"sys_interval", whole_file, set_duration<&Config::sys_interval, 0, 65'535>},
    {"threads", whole_file, set_number<&Config::threads, 0, 1024>},
    {"tls_keyform", listener_own, check_keyform},
    {"tls_version", listener_own, set_tls_version, single},
    {"topic_levels_max", whole_file, set_number<&LimitsConfig::topic_levels_max, 1, 65'535>},
    {"unauthenticated_connections_per_thread_max", whole_file,
     set_number<&LimitsConfig::unauthenticated_connections_per_thread_max, 1, 1'000'000>},
    {"use_identity_as_username", listener_own, set_flag<&TlsConfig::use_identity_as_username>},
    {"use_subject_as_username", listener_own, set_flag<&TlsConfig::use_subject_as_username>},
    {"user", whole_file, set_text<&Config::user>, single},
    {"validate_payload_format", whole_file, set_flag<&Config::validate_payload_format>},
    {"write_limit_bytes", whole_file,
     set_size<&LimitsConfig::write_limit_bytes, 4096, 1ULL << 30U>},
});

}  // namespace

std::span<const ConfigKey> accepted_keys() {
    return accepted;
}

}  // namespace martlet::app
