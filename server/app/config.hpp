// What the broker was told: one plain value, complete and checked, with every default filled in.
// config_file.hpp makes it from a mosquitto.conf and the command line; nothing else does, except
// tests. Keys of the file are named in the comments where they differ from the field.
//
// Ownership: a value; application keeps the running one and replaces it whole on reload.
// Threading: immutable once loaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/app/log_level.hpp"

namespace martlet::app {

enum class SocketFamily : std::uint8_t { any, ipv4, ipv6 };

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

struct SniCertificate {
    std::string certfile{};
    std::string keyfile{};

    bool operator==(const SniCertificate&) const = default;
};

// Present on a listener exactly when `certfile` and `keyfile` are given. Paths as written, a
// variable at the beginning replaced; they existed and could be read when the file was loaded.
struct TlsConfig {
    std::string certfile{};
    std::string keyfile{};
    std::string cafile{};                            // empty: none
    std::string capath{};                            // empty: none
    std::string crlfile{};                           // empty: none
    std::vector<SniCertificate> sni_certificates{};  // keys sni_certificate
    bool require_certificate = false;
    bool request_certificate = false;           // one may be presented, and is verified then
    bool use_identity_as_username = false;      // the certificate's CN becomes the user name
    bool use_subject_as_username = false;       // the certificate's whole subject does
    bool use_san_as_username = false;           // its first URI, DNS name or e-mail address does
    TlsVersion version_min = TlsVersion::v1_2;  // key tls_version
    std::string ciphers{};                      // TLS 1.2; empty: OpenSSL's choice
    std::string ciphers_tls13{};                // key ciphers_tls1.3; empty: OpenSSL's choice
    std::string groups{};                       // key tls_groups; empty: OpenSSL's choice
    std::string dhparamfile{};                  // empty: none

    bool names_user() const {
        return use_identity_as_username || use_subject_as_username || use_san_as_username;
    }

    bool operator==(const TlsConfig&) const = default;
};

struct ListenerConfig {
    // An address or a host name (resolved at startup); empty: every address of the machine.
    std::string bind_address{};
    // Set when the configuration names no listener: 127.0.0.1 and, on a machine that has it, ::1.
    // bind_address is then empty.
    bool is_loopback_only = false;
    std::uint16_t port = 1883;
    SocketFamily family = SocketFamily::any;  // key socket_domain
    // A Unix socket instead (`listener 0 PATH`), and then port is 0.
    std::string unix_path{};
    std::optional<std::uint32_t> unix_mode{};  // key unix_socket_mode; none: as the umask has it
    std::uint8_t proxy_version = 0;            // key enable_proxy_protocol; 0: there is no proxy
    bool proxy_requires_tls = false;           // key proxy_protocol_v2_require_tls
    bool is_websocket = false;                 // key protocol
    std::string websocket_path{};              // key websockets_path; empty: any
    std::vector<std::string> websocket_origins{};  // keys websockets_origin; none: any
    std::optional<TlsConfig> tls{};
    std::optional<std::size_t> connections_max{};  // key max_connections; none: unlimited
    std::uint8_t qos_max = 2;                      // key max_qos
    std::uint16_t topic_alias_max = 16;            // key max_topic_alias, what a client may use
    std::uint16_t sent_topic_aliases_max = 16;     // key max_topic_alias_broker, for each client

    // Global in the file, or the listener's own with `per_listener_settings true`. Always filled in
    // here. allow_anonymous defaults to false, but to true when no listener is configured.
    bool allow_anonymous = false;
    bool allow_zero_length_clientid = true;
    std::string auto_id_prefix = "auto-";
    std::string password_file{};          // empty: none, as with those below
    std::string acl_file{};               // none: every topic is permitted
    std::string jwt_key_file{};           // none: tokens are not known
    std::string jwt_algorithm = "HS256";  // or RS256, ES256
    std::string jwt_issuer{};             // empty: any
    std::string jwt_audience{};           // empty: any

    std::string source{};  // "FILE:LINE" of the listener line; empty: not from a file

    bool operator==(const ListenerConfig&) const = default;
};

// Where 0 would mean "no limit" in the file, it does here too, and the comment says so.
struct LimitsConfig {
    std::uint16_t inflight_messages_max = 20;   // key max_inflight_messages; its 0 is 65,535 here
    std::size_t queued_messages_max = 100'000;  // key max_queued_messages; 0: no limit
    std::size_t queued_bytes_max = 64U << 20U;  // key max_queued_bytes; 0: no limit
    bool drop_oldest = false;                   // key queue_full_policy; else the newest goes
    std::uint32_t publish_rate_max = 0;         // messages a second of one client; 0: no limit
    std::uint64_t publish_bytes_rate_max = 0;   // bytes a second of one client; 0: no limit
    std::uint32_t packet_size_max = 1U << 20U;  // key max_packet_size, whole packet in bytes
    std::uint32_t payload_size_max = 0;         // key message_size_limit; 0: packet_size_max alone
    std::uint16_t keep_alive_max_s = 65'535;    // key max_keepalive
    std::size_t connections_max = 0;            // key global_max_connections; 0: no limit
    std::uint32_t topic_levels_max = 128;
    std::size_t subscriptions_per_client_max = 100'000;  // 0: no limit
    std::size_t retained_messages_max = 0;               // 0: no limit
    std::size_t retained_bytes_max = 0;                  // 0: no limit
    // Key memory_limit. None: half of the machine's (or the control group's) memory; 0: no limit.
    std::optional<std::size_t> memory_bytes_max{};

    // Bytes that may wait to be written to one connection.
    std::size_t write_limit_bytes = 1U << 20U;
    // How long a subscriber may be over that before its publishers go on and QoS 0 to it is
    // dropped.
    std::chrono::milliseconds slow_subscriber_grace{1000};  // key slow_subscriber_grace_ms
    // From accept to a whole CONNECT, whatever arrives meanwhile. Key connect_timeout_s.
    std::chrono::seconds connect_timeout{10};
    // Connections whose CONNECT has not been accepted yet, on each thread.
    std::size_t unauthenticated_connections_per_thread_max = 0;  // 0: by the open files there are
    std::uint32_t packet_size_before_connect_max = 64U << 10U;
    std::uint32_t websocket_headers_max = 8192;  // key websockets_headers_size, in bytes

    bool operator==(const LimitsConfig&) const = default;
};

struct LogConfig {
    bool to_stderr = true;  // keys log_dest; all false and no file: nothing is logged
    bool to_stdout = false;
    bool to_syslog = false;
    int syslog_facility = -1;                      // key log_facility, N of localN; -1: daemon
    std::string file{};                            // empty: none
    LogLevelSet levels = LogLevelSet::standard();  // keys log_type
    bool timestamp = true;                         // key log_timestamp
    // Key log_timestamp_format, for strftime. Empty (`epoch` in the file): seconds since the epoch.
    std::string timestamp_format = "%Y-%m-%dT%H:%M:%S";
    bool json = false;  // key log_format json
    bool connection_messages = true;

    bool operator==(const LogConfig&) const = default;
};

struct PersistenceConfig {
    bool enabled = true;                        // key persistence
    std::string location = "martlet-data";      // key persistence_location
    std::chrono::milliseconds commit_delay{0};  // key persistence_commit_delay_ms
    std::chrono::seconds autosave_interval{1800};
    bool autosave_on_changes = false;

    bool operator==(const PersistenceConfig&) const = default;
};

struct Config {
    std::vector<ListenerConfig> listeners{};  // never empty once loaded
    std::uint32_t threads = 0;                // 0: one for each hardware thread
    LimitsConfig limits;
    LogConfig log;
    PersistenceConfig persistence;

    // How long a session outlives its last connection at most; none: as long as the client asked.
    std::optional<std::chrono::seconds> persistent_client_expiration{};
    bool queue_qos0_messages = false;  // for persistent sessions without a connection
    bool retain_available = true;
    bool set_tcp_nodelay = true;  // on, unlike mosquitto's: a pass writes once, nothing to gather
    std::chrono::seconds sys_interval{10};  // 0: no $SYS topics

    std::string scram_file{};                   // empty: nobody logs in by SCRAM
    std::uint32_t auth_failures_max = 20;       // within a minute from one address; 0: no limit
    std::chrono::seconds auth_ban{60};          // key auth_ban_s
    std::uint32_t password_workers = 0;         // 0: half of the hardware threads, four at most
    bool validate_payload_format = false;       // refuse what is no UTF-8 although it says so
    std::string response_information_prefix{};  // empty: clients are told none
    std::string server_reference{};             // told at shutdown; empty: nothing is

    bool tls_reload_on_change = true;                    // certificates, when their files change
    std::uint32_t certificate_expiry_warning_days = 30;  // 0: only once it has run out

    std::string pid_file{};  // empty: none
    std::string user{};      // to become when started as root; empty: not given
    bool daemonise = false;  // -d

    std::string source{};  // the configuration file; empty: none was given

    bool operator==(const Config&) const = default;
};

}  // namespace martlet::app
