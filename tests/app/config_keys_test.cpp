// Each key of the table: that it sets its field, and what it says about a wrong value.
#include "server/app/config_keys.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "server/app/config_file.hpp"

using namespace martlet::app;

namespace {

ConfigResult parse(const std::string& text) {
    return parse_config(text, "x.conf", {});
}

Config good(const std::string& text) {
    const ConfigResult result = parse(text);
    for (const std::string& error : result.errors) {
        FAIL_CHECK(error);
    }
    return result.config;
}

// The only error.
std::string bad(const std::string& text) {
    const ConfigResult result = parse(text);
    REQUIRE(result.errors.size() == 1);
    return result.errors.front();
}

}  // namespace

TEST_CASE("config keys: every table is sorted and no key is in two") {
    std::set<std::string_view> names;
    for (const ConfigKey& key : accepted_keys()) {
        CAPTURE(key.name);
        CHECK(names.insert(key.name).second);
        CHECK((key.apply != nullptr));
    }
    for (const auto& rows : {explained_keys(), refused_keys()}) {
        for (const KeyRemark& key : rows) {
            CAPTURE(key.name);
            CHECK(names.insert(key.name).second);
            CHECK_FALSE(key.remark.empty());
        }
    }
    for (const auto& table :
         {broker_keys(), listener_keys(), protocol_keys(), tls_keys(), access_keys(), log_keys()}) {
        CHECK(
            std::is_sorted(table.begin(), table.end(),
                           [](const ConfigKey& a, const ConfigKey& b) { return a.name < b.name; }));
    }
}

TEST_CASE("config keys: every accepted key refuses a missing and a nonsensical value") {
    for (const ConfigKey& key : accepted_keys()) {
        CAPTURE(key.name);
        const ConfigResult empty = parse(std::string{key.name});
        REQUIRE_FALSE(empty.errors.empty());
        const std::string prefix = "x.conf:1: " + std::string{key.name} + ": ";
        CHECK(empty.errors.front().starts_with(prefix));
        CHECK(empty.errors.front().find(", expected") != std::string::npos);
        const ConfigResult nonsense = parse(std::string{key.name} + " \x01 ?!");
        REQUIRE_FALSE(nonsense.errors.empty());
        CHECK(nonsense.errors.front().starts_with(prefix));
        CHECK(nonsense.errors.front().find(", expected") != std::string::npos);
    }
}

TEST_CASE("config keys: limits go to their fields") {
    const LimitsConfig limits = good(R"(max_inflight_messages 7
max_queued_messages 8
max_queued_bytes 9K
max_packet_size 2M
message_size_limit 1000
max_keepalive 600
global_max_connections 77
topic_levels_max 10
subscriptions_per_client_max 11
retained_messages_max 12
retained_bytes_max 13
memory_limit 1G
write_limit_bytes 8192
slow_subscriber_grace_ms 250
connect_timeout_s 3
unauthenticated_connections_per_thread_max 5
packet_size_before_connect_max 2048
)")
                                    .limits;
    CHECK(limits.inflight_messages_max == 7);
    CHECK(limits.queued_messages_max == 8);
    CHECK(limits.queued_bytes_max == 9 * 1024);
    CHECK(limits.packet_size_max == 2 * 1024 * 1024);
    CHECK(limits.payload_size_max == 1000);
    CHECK(limits.keep_alive_max_s == 600);
    CHECK(limits.connections_max == 77);
    CHECK(limits.topic_levels_max == 10);
    CHECK(limits.subscriptions_per_client_max == 11);
    CHECK(limits.retained_messages_max == 12);
    CHECK(limits.retained_bytes_max == 13);
    CHECK(limits.memory_bytes_max == std::size_t{1} << 30U);
    CHECK(limits.write_limit_bytes == 8192);
    CHECK(limits.slow_subscriber_grace == std::chrono::milliseconds{250});
    CHECK(limits.connect_timeout == std::chrono::seconds{3});
    CHECK(limits.unauthenticated_connections_per_thread_max == 5);
    CHECK(limits.packet_size_before_connect_max == 2048);
}

TEST_CASE("config keys: mosquitto's ways to say no limit are understood") {
    CHECK(good("max_inflight_messages 0").limits.inflight_messages_max == 65'535);
    CHECK(good("global_max_connections -1").limits.connections_max == 0);
    CHECK_FALSE(good("max_connections -1").listeners.front().connections_max.has_value());
    CHECK(good("max_connections 0").listeners.front().connections_max == 0);
    CHECK(bad("max_connections -2") ==
          "x.conf:1: max_connections: \"-2\" is not a whole number, expected a whole number from 0 "
          "to 1000000000, or -1 for no limit");
}

TEST_CASE("config keys: a packet limit below what clients need is refused") {
    CHECK(bad("max_packet_size 19") ==
          "x.conf:1: max_packet_size: \"19\" is too small, expected a number of bytes (or with K, "
          "M, G) from 20 to 268435460");
    CHECK(bad("max_packet_size 268435461").find("is too large") != std::string::npos);
}

TEST_CASE("config keys: sessions and other file-wide keys go to their fields") {
    const Config config = good(R"(threads 3
persistent_client_expiration 14d
queue_qos0_messages true
retain_available false
set_tcp_nodelay false
sys_interval 0
pid_file /run/x.pid
user joe
persistence false
persistence_location /var/lib/x
)");
    CHECK(config.threads == 3);
    CHECK(config.persistent_client_expiration == std::chrono::hours{14 * 24});
    CHECK(config.queue_qos0_messages);
    CHECK_FALSE(config.retain_available);
    CHECK_FALSE(config.set_tcp_nodelay);
    CHECK(config.sys_interval == std::chrono::seconds{0});
    CHECK(config.pid_file == "/run/x.pid");
    CHECK(config.user == "joe");
    CHECK_FALSE(config.persistence.enabled);
    CHECK(config.persistence.location == "/var/lib/x");
}

TEST_CASE("config keys: what is acknowledged is stored unless that is switched off") {
    CHECK(parse("").config.persistence.enabled);
    CHECK(parse("").config.persistence.location == "martlet-data");
    CHECK_FALSE(parse("retained_persistence false").config.persistence.enabled);
    CHECK(parse("persistence_commit_delay_ms 20").config.persistence.commit_delay.count() == 20);
    CHECK_FALSE(parse("persistence_commit_delay_ms 20000").is_ok());
}

TEST_CASE("config keys: log keys add up as in mosquitto") {
    CHECK(good("").log == LogConfig{});
    const LogConfig log = good(R"(log_dest stdout
log_dest file /var/log/a b.log
log_type error
log_type subscribe
log_timestamp false
log_timestamp_format %H:%M
log_format json
connection_messages false
)")
                              .log;
    CHECK(log.to_stdout);
    CHECK_FALSE(log.to_stderr);
    CHECK(log.file == "/var/log/a b.log");
    CHECK(log.levels == LogLevelSet{}.with(LogLevel::error).with(LogLevel::subscribe));
    CHECK_FALSE(log.timestamp);
    CHECK(log.timestamp_format == "%H:%M");
    CHECK(log.json);
    CHECK_FALSE(log.connection_messages);
    CHECK(good("log_timestamp_format epoch").log.timestamp_format.empty());
}

TEST_CASE("config keys: log_dest none and log_type none take back what stood before") {
    const LogConfig log = good("log_dest stdout\nlog_dest file /x\nlog_dest none\n").log;
    CHECK_FALSE(log.to_stdout);
    CHECK(log.file.empty());
    CHECK(good("log_type all\nlog_type none\n").log.levels == LogLevelSet{});
    CHECK(good("log_type all\n").log.levels == LogLevelSet::all());
}

TEST_CASE("config keys: log destinations that do not exist are named") {
    CHECK(bad("log_dest topic").find("\"topic\" is not supported, expected stderr") !=
          std::string::npos);
    CHECK(bad("log_dest file").find("no path, expected file PATH") != std::string::npos);
    CHECK(bad("log_dest file /a\nlog_dest file /b").find("a second file, expected one at most") !=
          std::string::npos);
    CHECK(bad("log_dest paper").find("\"paper\" is not known, expected stderr or stdout") !=
          std::string::npos);
    CHECK(bad("log_type loud").find("\"loud\" is not known, expected error, warning") !=
          std::string::npos);
    const LogConfig syslog = good("log_dest syslog\nlog_facility 5\n").log;
    CHECK(syslog.to_syslog);
    CHECK(syslog.syslog_facility == 5);
}

TEST_CASE("config keys: explained keys are accepted with one notice") {
    for (const KeyRemark& key : explained_keys()) {
        CAPTURE(key.name);
        const ConfigResult result = parse(std::string{key.name} + " 1");
        CHECK(result.is_ok());
        REQUIRE(result.notices.size() == 1);
        CHECK(result.notices.front() ==
              "x.conf:1: " + std::string{key.name} + ": " + std::string{key.remark});
    }
}

TEST_CASE("config keys: refused keys say what to do instead") {
    for (const KeyRemark& key : refused_keys()) {
        CAPTURE(key.name);
        CHECK(bad(std::string{key.name} + " 1") ==
              "x.conf:1: " + std::string{key.name} + ": " + std::string{key.remark});
    }
    CHECK(bad("auth_opt_host x").starts_with("x.conf:1: auth_opt_host: plugins are not supported"));
}

TEST_CASE("config keys: a bridge is refused once and not for each of its lines") {
    const std::string error =
        bad("connection b\naddress 10.0.0.1\ntopic # both 2\nremote_username joe\n");
    CHECK(error.starts_with("x.conf:1: connection: bridges are not supported yet"));
    CHECK(bad("plugin /x.so\nplugin_opt_a b\n").starts_with("x.conf:1: plugin: "));
}

TEST_CASE("config keys: an unknown key names the nearest known one") {
    CHECK(bad("max_conections 5") ==
          "x.conf:1: max_conections: unknown key, did you mean max_connections?");
    CHECK(bad("Listener 1883") == "x.conf:1: Listener: unknown key, did you mean listener?");
    CHECK(bad("frobnicate_the_flux 5") ==
          "x.conf:1: frobnicate_the_flux: unknown key, expected one of mosquitto.conf(5)");
    CHECK(bad("a\x1b[0m 1").starts_with("x.conf:1: a\\x1b[0m: unknown key"));
}

TEST_CASE("config keys: paths and names may be given only once") {
    CHECK(bad("pid_file /a\nuser x\npid_file /b\n") ==
          "x.conf:3: pid_file: given a second time, expected once (first at x.conf:1)");
    CHECK(good("sys_interval 1\nsys_interval 2\n").sys_interval == std::chrono::seconds{2});
}

TEST_CASE("config keys: a prefix for client identifiers can be part of one") {
    CHECK(good("auto_id_prefix gerät-").listeners.front().auto_id_prefix == "gerät-");
    CHECK(bad("auto_id_prefix \xff").find("is not UTF-8") != std::string::npos);
    CHECK(bad("auto_id_prefix " + std::string(65, 'a')) ==
          "x.conf:1: auto_id_prefix: 65 bytes, expected 64 at most");
}

TEST_CASE("config keys: only TLS 1.2 and 1.3 exist") {
    CHECK(parse("listener 1\ntls_version tlsv1.1")
              .errors.front()
              .find("tls_version: TLS below 1.2 is never offered, expected tlsv1.2 or tlsv1.3") !=
          std::string::npos);
    CHECK(
        parse("listener 1\ntls_version tlsv1.4").errors.front().find("\"tlsv1.4\" is not known") !=
        std::string::npos);
}

TEST_CASE("config keys: what MQTT 5 clients are told goes to its fields") {
    const Config config = good(
        "max_topic_alias_broker 5\nvalidate_payload_format true\n"
        "response_information_prefix replies/\nserver_reference other.example:1883\n");
    CHECK(config.listeners.front().sent_topic_aliases_max == 5);
    CHECK(config.validate_payload_format);
    CHECK(config.response_information_prefix == "replies/");
    CHECK(config.server_reference == "other.example:1883");
    CHECK(bad("response_information_prefix a/+/b") ==
          "x.conf:1: response_information_prefix: \"a/+/b\" has a wildcard, expected the beginning "
          "of a topic");
    CHECK(bad("server_reference \xff").find("is not UTF-8") != std::string::npos);
    CHECK(bad("server_reference " + std::string(1025, 'a')) ==
          "x.conf:1: server_reference: 1025 bytes, expected 1024 at most");
    CHECK_FALSE(good("").validate_payload_format);
}

TEST_CASE("config keys: a file of SCRAM users is checked with the configuration") {
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / fmt::format("martlet-scram-{}", ::getpid());
    const std::string line = "scram_file " + path.string();
    std::ofstream(path) << "# nobody yet\n";
    CHECK(good(line).scram_file == path.string());
    std::ofstream(path) << "# one\nuser:secret\n";
    CHECK(bad(line) == fmt::format("x.conf:1: scram_file: {}:2: too few fields, expected "
                                   "user:iterations:salt:StoredKey:ServerKey",
                                   path.string()));
    std::filesystem::remove(path);
    CHECK(bad(line).find("No such file") != std::string::npos);
}
