// The keys of mosquitto.conf(5) that have no effect here, each with the sentence that says so.
#include <array>

#include "server/app/config_keys.hpp"

namespace martlet::app {

namespace {

constexpr auto explained = std::to_array<KeyRemark>({
    {"allow_duplicate_messages",
     "not needed: overlapping subscriptions of a client always bring it a message once"},
    {"autosave_interval", "not needed: messages are never saved in bulk"},
    {"autosave_on_changes", "not needed: messages are never saved in bulk"},
    {"check_retain_source",
     "not done: a retained message stays that its publisher had the right to publish then; delete "
     "it to be rid of it"},
    {"max_inflight_bytes",
     "not needed: max_inflight_messages and write_limit_bytes bound what is in flight"},
    {"packet_buffer_size", "not needed: receive buffers are shared and grow with what arrives"},
    {"persistence_file", "not needed: the store names its own files in persistence_location"},
    {"retry_interval", "not needed: messages are sent again only when a client reconnects"},
    {"websockets_log_level", "not needed: there is no libwebsockets underneath"},
});

constexpr std::string_view no_bridges =
    "bridges are not supported yet; let the other broker, or a client such as mosquitto, bridge "
    "to this one";
constexpr std::string_view no_plugins =
    "plugins are not supported; remove the line and see the README for what is built in";
constexpr std::string_view no_psk =
    "pre-shared keys are not supported; give the clients certificates (cafile and "
    "require_certificate)";
constexpr std::string_view no_engines =
    "OpenSSL engines are not supported; give the key as a PEM file with keyfile";

// Reported only where no `connection` line stands above.
constexpr KeyRemark bridge(std::string_view name) {
    return {name, no_bridges, "connection"};
}

constexpr auto refused = std::to_array<KeyRemark>({
    {"accept_protocol_versions", "not supported; every listener speaks MQTT 3.1, 3.1.1 and 5.0"},
    {"auth_opt_", no_plugins, "auth_plugin"},
    {"auth_plugin", no_plugins},
    {"auth_plugin_deny_special_chars", no_plugins, "auth_plugin"},
    {"bind_interface", "not supported; give the interface's address to listener"},
    {"clientid_prefixes", "not supported; let clients in by certificate (require_certificate)"},
    {"disable_client_cert_date_checks", "not supported; an expired certificate is never accepted"},
    {"enable_control_api", no_plugins},
    {"global_max_clients", "not supported yet; use global_max_connections"},
    {"global_plugin", no_plugins},
    {"http_dir", "serving files is not supported; use a web server"},
    {"mount_point", "not supported; let the clients of the listener use a topic prefix"},
    {"plugin", no_plugins},
    {"plugin_load", no_plugins},
    {"plugin_opt_", no_plugins, "plugin"},
    {"plugin_use", no_plugins},
    {"psk_file", no_psk},
    {"psk_hint", no_psk},
    {"tls_engine", no_engines},
    {"tls_engine_kpass_sha1", no_engines},
    {"upgrade_outgoing_qos", "not supported, the protocol forbids it; publish at the higher QoS"},
    {"use_username_as_clientid",
     "not supported yet; sessions already belong to the user who made them"},
    {"connection", no_bridges},
    bridge("address"),
    bridge("addresses"),
    bridge("bridge_alpn"),
    bridge("bridge_attempt_unsubscribe"),
    bridge("bridge_bind_address"),
    bridge("bridge_cafile"),
    bridge("bridge_capath"),
    bridge("bridge_certfile"),
    bridge("bridge_ciphers"),
    bridge("bridge_ciphers_tls1.3"),
    bridge("bridge_identity"),
    bridge("bridge_insecure"),
    bridge("bridge_keyfile"),
    bridge("bridge_max_packet_size"),
    bridge("bridge_max_topic_alias"),
    bridge("bridge_outgoing_retain"),
    bridge("bridge_protocol_version"),
    bridge("bridge_psk"),
    bridge("bridge_receive_maximum"),
    bridge("bridge_reload_type"),
    bridge("bridge_require_ocsp"),
    bridge("bridge_session_expiry_interval"),
    bridge("bridge_tcp_keepalive"),
    bridge("bridge_tcp_user_timeout"),
    bridge("bridge_tls_version"),
    bridge("cleansession"),
    bridge("clientid"),
    bridge("idle_timeout"),
    bridge("keepalive_interval"),
    bridge("local_cleansession"),
    bridge("local_clientid"),
    bridge("local_password"),
    bridge("local_username"),
    bridge("notification_topic"),
    bridge("notifications"),
    bridge("notifications_local_only"),
    bridge("password"),
    bridge("remote_clientid"),
    bridge("remote_password"),
    bridge("remote_username"),
    bridge("restart_timeout"),
    bridge("round_robin"),
    bridge("start_type"),
    bridge("threshold"),
    bridge("topic"),
    bridge("try_private"),
    bridge("username"),
});

}  // namespace

std::span<const KeyRemark> explained_keys() {
    return explained;
}

std::span<const KeyRemark> refused_keys() {
    return refused;
}

}  // namespace martlet::app
