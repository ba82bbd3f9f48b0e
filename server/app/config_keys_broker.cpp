// The keys of the broker as a whole: limits, persistence, what it tells clients, the process.
#include <array>

#include "server/app/config_setters.hpp"

namespace martlet::app {

namespace {

KeyProblem set_expiration(ConfigDraft& draft, std::string_view value) {
    return store_or_tell(read_duration(value), [&](std::chrono::seconds duration) {
        draft.config.persistent_client_expiration = duration;
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

KeyProblem set_response_information_prefix(ConfigDraft& draft, std::string_view value) {
    if (value.find_first_of("+#") != std::string_view::npos) {
        return fmt::format("{} has a wildcard, expected the beginning of a topic",
                           in_quotes(value));
    }
    return set_property_text<&Config::response_information_prefix>(draft, value);
}

KeyProblem set_queue_full_policy(ConfigDraft& draft, std::string_view value) {
    static constexpr std::array choices{WordChoice{"drop_newest", 0}, WordChoice{"drop_oldest", 1}};
    return choose_word(value, choices,
                       [&](int oldest) { draft.config.limits.drop_oldest = oldest != 0; });
}

constexpr KeyScope whole_file = KeyScope::file;
constexpr bool single = true;

// In alphabetical order.
constexpr auto rows = std::to_array<ConfigKey>({
    {"certificate_expiry_warning_days", whole_file,
     set_number<&Config::certificate_expiry_warning_days, 0, 3650>},
    {"connect_timeout_s", whole_file, set_duration<&LimitsConfig::connect_timeout, 1, 3600>},
    {"global_max_connections", whole_file, set_global_connections_max},
    {"max_inflight_messages", whole_file, set_inflight_messages_max},
    {"max_keepalive", whole_file, set_number<&LimitsConfig::keep_alive_max_s, 0, 65'535>},
    {"max_packet_size", whole_file,
     set_size<&LimitsConfig::packet_size_max, packet_size_min, packet_size_protocol_max>},
    {"max_queued_bytes", whole_file, set_size<&LimitsConfig::queued_bytes_max, 0, bytes_max>},
    {"max_queued_messages", whole_file,
     set_number<&LimitsConfig::queued_messages_max, 0, count_max>},
    {"memory_limit", whole_file, set_size<&LimitsConfig::memory_bytes_max, 0, bytes_max>},
    {"message_size_limit", whole_file,
     set_size<&LimitsConfig::payload_size_max, 0, packet_size_protocol_max - 5>},
    {"packet_size_before_connect_max", whole_file,
     set_size<&LimitsConfig::packet_size_before_connect_max, 128, packet_size_protocol_max>},
    {"persistence", whole_file, set_flag<&PersistenceConfig::enabled>},
    {"persistence_commit_delay_ms", whole_file,
     set_duration<&PersistenceConfig::commit_delay, 0, 10'000>},
    {"persistence_location", whole_file, set_text<&PersistenceConfig::location>, single},
    {"persistent_client_expiration", whole_file, set_expiration},
    {"pid_file", whole_file, set_text<&Config::pid_file>, single},
    {"publish_bytes_rate_max", whole_file,
     set_size<&LimitsConfig::publish_bytes_rate_max, 0, bytes_max>},
    {"publish_rate_max", whole_file, set_number<&LimitsConfig::publish_rate_max, 0, count_max>},
    {"queue_full_policy", whole_file, set_queue_full_policy},
    {"queue_qos0_messages", whole_file, set_flag<&Config::queue_qos0_messages>},
    {"response_information_prefix", whole_file, set_response_information_prefix, single},
    {"retain_available", whole_file, set_flag<&Config::retain_available>},
    {"retained_bytes_max", whole_file, set_size<&LimitsConfig::retained_bytes_max, 0, bytes_max>},
    {"retained_messages_max", whole_file,
     set_number<&LimitsConfig::retained_messages_max, 0, count_max>},
    {"retained_persistence", whole_file, set_flag<&PersistenceConfig::enabled>},
    {"server_reference", whole_file, set_property_text<&Config::server_reference>, single},
    {"set_tcp_nodelay", whole_file, set_flag<&Config::set_tcp_nodelay>},
    {"slow_subscriber_grace_ms", whole_file,
     set_duration<&LimitsConfig::slow_subscriber_grace, 0, 3'600'000>},
    {"subscriptions_per_client_max", whole_file,
     set_number<&LimitsConfig::subscriptions_per_client_max, 0, count_max>},
    {"sys_interval", whole_file, set_duration<&Config::sys_interval, 0, 65'535>},
    {"threads", whole_file, set_number<&Config::threads, 0, 1024>},
    {"tls_reload_on_change", whole_file, set_flag<&Config::tls_reload_on_change>},
    {"topic_levels_max", whole_file, set_number<&LimitsConfig::topic_levels_max, 1, 65'535>},
    {"unauthenticated_connections_per_thread_max", whole_file,
     set_number<&LimitsConfig::unauthenticated_connections_per_thread_max, 1, 1'000'000>},
    {"user", whole_file, set_text<&Config::user>, single},
    {"validate_payload_format", whole_file, set_flag<&Config::validate_payload_format>},
    {"write_limit_bytes", whole_file,
     set_size<&LimitsConfig::write_limit_bytes, 4096, 1ULL << 30U>},
});

}  // namespace

std::span<const ConfigKey> broker_keys() {
    return rows;
}

}  // namespace martlet::app
