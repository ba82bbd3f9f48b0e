#include "server/app/wiring.hpp"

#include <algorithm>
#include <limits>
#include <thread>

#include "server/app/host.hpp"

namespace martlet::app {

namespace {

template <class T, class From>
T clamp_to(From value) {
    return static_cast<T>(std::min<std::uint64_t>(value, std::numeric_limits<T>::max()));
}

// 0 in the configuration is no limit.
template <class T, class From>
T limit_or_max(From value) {
    return value == 0 ? std::numeric_limits<T>::max() : clamp_to<T>(value);
}

transport::TlsOptions make_tls(const TlsConfig& config) {
    transport::TlsOptions options;
    options.certfile = config.certfile;
    options.keyfile = config.keyfile;
    options.cafile = config.cafile;
    options.capath = config.capath;
    options.crlfile = config.crlfile;
    options.ciphers = config.ciphers;
    options.ciphersuites = config.ciphers_tls13;
    options.version_min = config.version_min == TlsVersion::v1_3 ? transport::TlsVersion::v1_3
                                                                 : transport::TlsVersion::v1_2;
    options.groups = config.groups;
    options.dhparamfile = config.dhparamfile;
    for (const SniCertificate& more : config.sni_certificates) {
        options.sni_certificates.push_back({more.certfile, more.keyfile});
    }
    if (config.require_certificate) {
        options.client_certificate = transport::ClientCertificate::required;
    } else if (config.request_certificate) {
        options.client_certificate = transport::ClientCertificate::requested;
    }
    if (config.use_san_as_username) {
        options.identity = transport::CertificateIdentity::alternative_name;
    } else if (config.use_subject_as_username) {
        options.identity = transport::CertificateIdentity::subject;
    } else if (config.use_identity_as_username) {
        options.identity = transport::CertificateIdentity::common_name;
    }
    return options;
}

transport::AddressFamily make_family(SocketFamily family) {
    switch (family) {
        case SocketFamily::ipv4:
            return transport::AddressFamily::ipv4;
        case SocketFamily::ipv6:
            return transport::AddressFamily::ipv6;
        case SocketFamily::any:
            break;
    }
    return transport::AddressFamily::any;
}

core::ListenerLimits make_listener_limits(const ListenerConfig& config) {
    // More would cost memory and save next to nothing.
    constexpr std::uint16_t sent_topic_aliases_most = 256;
    core::ListenerLimits limits;
    limits.qos_max = static_cast<protocol::QoS>(config.qos_max);
    limits.topic_alias_max = config.topic_alias_max;
    limits.sent_topic_aliases_max =
        std::min(config.sent_topic_aliases_max, sent_topic_aliases_most);
    limits.allow_zero_length_client_id = config.allow_zero_length_clientid;
    limits.client_id_prefix = config.auto_id_prefix;
    return limits;
}

}  // namespace

core::Limits make_limits(const Config& config) {
    const LimitsConfig& from = config.limits;
    core::Limits limits;
    limits.packet_size_max = from.packet_size_max;
    limits.payload_size_max = from.payload_size_max;
    limits.packet_size_before_connect_max = from.packet_size_before_connect_max;
    limits.inflight_max = from.inflight_messages_max;
    limits.queued_messages_max = limit_or_max<std::uint32_t>(from.queued_messages_max);
    limits.queued_bytes_max = limit_or_max<std::uint64_t>(from.queued_bytes_max);
    limits.write_limit_bytes = from.write_limit_bytes;
    limits.lag_grace = from.slow_subscriber_grace;
    limits.subscriptions_per_client_max =
        limit_or_max<std::uint32_t>(from.subscriptions_per_client_max);
    limits.topic_levels_max = from.topic_levels_max;
    // Retained messages are spread over the shards by topic, evenly enough to divide their limits.
    const std::uint64_t shards = make_shard_count(config);
    limits.retained_messages_max = (from.retained_messages_max + shards - 1) / shards;
    limits.retained_bytes_max = (from.retained_bytes_max + shards - 1) / shards;
    limits.retain_available = config.retain_available;
    // mosquitto's default of 65,535 means that nobody is held to less.
    limits.keep_alive_max_s =
        from.keep_alive_max_s == 65'535 ? std::uint16_t{0} : from.keep_alive_max_s;
    if (config.persistent_client_expiration) {
        limits.session_expiry_max_s =
            static_cast<std::uint64_t>(config.persistent_client_expiration->count());
    }
    limits.queue_qos0 = config.queue_qos0_messages;
    limits.queue_full_policy =
        from.drop_oldest ? core::QueueFullPolicy::drop_oldest : core::QueueFullPolicy::drop_newest;
    limits.publish_rate_max = from.publish_rate_max;
    limits.publish_bytes_rate_max = from.publish_bytes_rate_max;
    for (const ListenerConfig& listener : config.listeners) {
        limits.listeners.push_back(make_listener_limits(listener));
    }
    limits.validate_payload_format = config.validate_payload_format;
    limits.response_information_prefix = config.response_information_prefix;
    limits.server_reference = config.server_reference;
    return limits;
}

std::vector<transport::ListenerOptions> make_listener_options(
    const Config& config, const std::vector<ListenerConfig>& listeners) {
    std::vector<transport::ListenerOptions> all;
    for (const ListenerConfig& listener : listeners) {
        transport::ListenerOptions options;
        options.bind.address = listener.bind_address;
        options.bind.is_loopback_only = listener.is_loopback_only;
        options.bind.port = listener.port;
        options.bind.family = make_family(listener.family);
        options.bind.no_delay = config.set_tcp_nodelay;
        if (listener.tls) {
            options.tls = make_tls(*listener.tls);
            if (listener.is_websocket) {
                options.tls->protocols = {"http/1.1", "mqtt"};
            }
        }
        options.bind.unix_path = listener.unix_path;
        options.bind.unix_mode = listener.unix_mode;
        options.proxy = {listener.proxy_version, listener.proxy_requires_tls};
        if (listener.is_websocket) {
            options.websocket = {listener.websocket_path, listener.websocket_origins,
                                 config.limits.websocket_headers_max};
        }
        options.connections_max = listener.connections_max.value_or(transport::unlimited);
        all.push_back(std::move(options));
    }
    return all;
}

// When thousands come back at once most of them wait, and each costs a descriptor and, in a TLS
// handshake, 40 KiB: a quarter of the descriptors, and not more than 160 MiB in all.
std::size_t default_awaiting_connect_max(core::ShardIndex shards) {
    constexpr std::size_t in_all_max = 4096;
    constexpr std::size_t least = 64;
    return std::max(std::min(descriptor_limit() / 4, in_all_max) / shards, least);
}

transport::ArrivalLimits make_arrival_limits(const Config& config) {
    transport::ArrivalLimits limits;
    limits.connect_timeout = config.limits.connect_timeout;
    limits.awaiting_connect_max = config.limits.unauthenticated_connections_per_thread_max;
    if (limits.awaiting_connect_max == 0) {
        limits.awaiting_connect_max = default_awaiting_connect_max(make_shard_count(config));
    }
    return limits;
}

std::size_t make_connections_max(const Config& config) {
    return config.limits.connections_max == 0 ? transport::unlimited
                                              : config.limits.connections_max;
}

transport::ReloadOptions make_reload_options(const Config& config) {
    transport::ReloadOptions options;
    options.limits = make_limits(config);
    options.arrivals = make_arrival_limits(config);
    options.connections_max = make_connections_max(config);
    options.listeners = make_listener_options(config, config.listeners);
    return options;
}

core::ShardIndex make_shard_count(const Config& config) {
    const std::uint32_t wanted =
        config.threads != 0 ? config.threads : std::thread::hardware_concurrency();
    return static_cast<core::ShardIndex>(std::clamp<std::uint32_t>(wanted, 1, 1024));
}

}  // namespace martlet::app
