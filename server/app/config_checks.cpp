#include "server/app/config_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "server/app/access_files.hpp"
#include "server/app/config_values.hpp"

namespace martlet::app {

namespace {

// Why `path` cannot be read as a file; empty if it can. An attempt, not a look at the permission
// bits: those do not say what a read-only mount or a capability decides.
std::string why_unreadable_file(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return "is a directory";
    }
    errno = 0;
    const std::ifstream file{path};
    return file.is_open() ? "" : std::generic_category().message(errno);
}

std::string why_unreadable_directory(const std::string& path) {
    std::error_code error;
    const std::filesystem::directory_iterator entries{path, error};
    return error ? error.message() : "";
}

class TlsCheck {
public:
    TlsCheck(ConfigDraft& draft, const ListenerDraft& listener)
        : draft_{draft}, listener_{listener} {}

    void run() {
        check_pair("certfile", "keyfile");
        check_pair("keyfile", "certfile");
        check_paths();
        check_needs_certificate();
        check_client_certificates();
    }

private:
    void add_error(std::string_view key, std::string_view problem) {
        draft_.add_error(listener_.lines.find(key)->second, key, problem);
    }

    void check_pair(std::string_view given, std::string_view missing) {
        if (listener_.has(given) && !listener_.has(missing)) {
            add_error(given, fmt::format("no {}, expected both or neither", missing));
        }
    }

    void check_paths() {
        const TlsConfig& tls = listener_.tls;
        check_path("certfile", tls.certfile, why_unreadable_file);
        check_path("keyfile", tls.keyfile, why_unreadable_file);
        check_path("cafile", tls.cafile, why_unreadable_file);
        check_path("crlfile", tls.crlfile, why_unreadable_file);
        check_path("dhparamfile", tls.dhparamfile, why_unreadable_file);
        for (const SniCertificate& more : tls.sni_certificates) {
            check_path("sni_certificate", more.certfile, why_unreadable_file);
            check_path("sni_certificate", more.keyfile, why_unreadable_file);
        }
        check_path("capath", tls.capath, why_unreadable_directory);
    }

    void check_path(std::string_view key, const std::string& path,
                    std::string (*why_unreadable)(const std::string&)) {
        if (path.empty()) {
            return;
        }
        if (const std::string why = why_unreadable(path); !why.empty()) {
            add_error(key,
                      fmt::format("cannot read {} ({}), expected a readable {}", in_quotes(path),
                                  why, key == "capath" ? "directory" : "file"));
        }
    }

    // A listener whose TLS keys are taken for nothing would speak plain MQTT instead.
    void check_needs_certificate() {
        if (listener_.has("certfile") || listener_.has("keyfile")) {
            return;
        }
        const TlsConfig& tls = listener_.tls;
        for (const auto& [key, is_given] :
             {std::pair{"cafile", !tls.cafile.empty()}, std::pair{"capath", !tls.capath.empty()},
              std::pair{"ciphers", !tls.ciphers.empty()},
              std::pair{"ciphers_tls1.3", !tls.ciphers_tls13.empty()},
              std::pair{"crlfile", !tls.crlfile.empty()},
              std::pair{"dhparamfile", !tls.dhparamfile.empty()},
              std::pair{"request_certificate", tls.request_certificate},
              std::pair{"require_certificate", tls.require_certificate},
              std::pair{"sni_certificate", !tls.sni_certificates.empty()},
              std::pair{"tls_groups", !tls.groups.empty()},
              std::pair{"tls_version", listener_.has("tls_version")},
              std::pair{"use_identity_as_username", tls.use_identity_as_username},
              std::pair{"use_san_as_username", tls.use_san_as_username},
              std::pair{"use_subject_as_username", tls.use_subject_as_username}}) {
            if (is_given) {
                add_error(key, "the listener has no TLS, expected certfile and keyfile with it");
            }
        }
    }

    void check_client_certificates() {
        const TlsConfig& tls = listener_.tls;
        const bool are_asked = tls.require_certificate || tls.request_certificate;
        if (are_asked && tls.cafile.empty() && tls.capath.empty()) {
            add_error(tls.require_certificate ? "require_certificate" : "request_certificate",
                      "nothing to check certificates against, expected cafile or capath with it");
        }
        check_one_identity();
        if (are_asked) {
            return;
        }
        for (const auto& [key, is_on] :
             {std::pair{"use_identity_as_username", tls.use_identity_as_username},
              std::pair{"use_san_as_username", tls.use_san_as_username},
              std::pair{"use_subject_as_username", tls.use_subject_as_username},
              std::pair{"crlfile", !tls.crlfile.empty()}}) {
            if (is_on) {
                add_error(key,
                          "clients are not asked for a certificate, expected "
                          "require_certificate true (or request_certificate true) with it");
            }
        }
    }

    // mosquitto takes the subject where both of its keys are on; with ours that would be a guess.
    void check_one_identity() {
        const TlsConfig& tls = listener_.tls;
        if (tls.use_san_as_username &&
            (tls.use_identity_as_username || tls.use_subject_as_username)) {
            add_error("use_san_as_username",
                      "another use_..._as_username is on too, expected one of them");
        }
    }

    ConfigDraft& draft_;
    const ListenerDraft& listener_;
};

enum : std::uint8_t { family_v4 = 1, family_v6 = 2 };

bool is_wildcard(const std::string& address) {
    return address.empty() || address == "0.0.0.0" || address == "::";
}

// Which IP versions a listener may end up on.
unsigned families(const ListenerConfig& listener) {
    unsigned families = family_v4 | family_v6;
    if (listener.family == SocketFamily::ipv4) {
        families &= ~unsigned{family_v6};
    } else if (listener.family == SocketFamily::ipv6) {
        families &= ~unsigned{family_v4};
    }
    const std::string& address = listener.bind_address;
    if (address.find(':') != std::string::npos) {
        return families & family_v6;
    }
    if (!address.empty() && address.find_first_not_of("0123456789.") == std::string::npos) {
        return families & family_v4;
    }
    return families;
}

// Whether both want the same port of the same address for certain. Host names are not resolved
// here: two that turn out to be one address are found when the second cannot be bound.
bool collide(const ListenerConfig& a, const ListenerConfig& b) {
    if (!a.unix_path.empty()) {
        return a.unix_path == b.unix_path;
    }
    const unsigned common = families(a) & families(b);
    const bool is_unread = a.port == 0;
    if (a.port != b.port || is_unread || common == 0) {
        return false;
    }
    if (is_wildcard(a.bind_address) && is_wildcard(b.bind_address)) {
        return true;
    }
    if (is_wildcard(a.bind_address)) {
        return families(b) == common;
    }
    if (is_wildcard(b.bind_address)) {
        return families(a) == common;
    }
    return a.bind_address == b.bind_address;
}

// A listener and the line to blame for it.
struct Claim {
    const ListenerConfig* listener;
    SourceLine source;
    std::string_view key;
};

std::vector<Claim> claims(const ConfigDraft& draft) {
    std::vector<Claim> claims;
    if (!draft.default_listener.lines.empty()) {
        const auto& [key, source] = *draft.default_listener.lines.begin();
        claims.push_back({&draft.default_listener.listener, source, key});
    }
    for (const ListenerDraft& listener : draft.listeners) {
        claims.push_back({&listener.listener, listener.source, "listener"});
    }
    return claims;
}

}  // namespace

void check_tls(ConfigDraft& draft, const ListenerDraft& listener) {
    TlsCheck{draft, listener}.run();
}

// What would be taken for a restriction and be none.
void check_protocol(ConfigDraft& draft, const ListenerDraft& listener) {
    const ListenerConfig& config = listener.listener;
    const auto check = [&](std::string_view key, bool has_effect, std::string_view problem) {
        if (listener.has(key) && !has_effect) {
            draft.add_error(listener.lines.find(key)->second, key, problem);
        }
    };
    constexpr std::string_view no_websocket =
        "the listener speaks no WebSocket, expected protocol websockets with it";
    check("websockets_origin", config.is_websocket, no_websocket);
    check("websockets_path", config.is_websocket, no_websocket);
    check("unix_socket_mode", !config.unix_path.empty(),
          "the listener is no Unix socket, expected listener 0 PATH above it");
    check("proxy_protocol_v2_require_tls", config.proxy_version == 2,
          "only version 2 tells, expected enable_proxy_protocol 2 with it");
}

void mind_readers(ConfigDraft& draft, const SourceLine& source, std::string_view key,
                  const std::string& path) {
    if (is_readable_by_all(path)) {
        draft.add_notice(source, key,
                         fmt::format("{} may be read by everybody on this machine, which `chmod "
                                     "o-r` on it ends",
                                     in_quotes(path)));
    }
}

void check_tokens(ConfigDraft& draft, const AccessDraft& access) {
    if (const auto line = access.lines.find("jwt_key_file"); line != access.lines.end()) {
        const std::string algorithm = access.jwt_algorithm.empty() ? "HS256" : access.jwt_algorithm;
        for (const std::string& mistake : mistakes_in_token_key(access.jwt_key_file, algorithm)) {
            draft.add_error(line->second, "jwt_key_file", mistake);
        }
        if (algorithm == "HS256") {
            mind_readers(draft, line->second, "jwt_key_file", access.jwt_key_file);
        }
        return;
    }
    for (const std::string_view key : {"jwt_algorithm", "jwt_issuer", "jwt_audience"}) {
        if (const auto line = access.lines.find(key); line != access.lines.end()) {
            draft.add_error(line->second, key, "no jwt_key_file, expected it with this");
        }
    }
}

void check_addresses(ConfigDraft& draft) {
    const std::vector<Claim> all = claims(draft);
    for (std::size_t i = 1; i < all.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (!collide(*all[i].listener, *all[j].listener)) {
                continue;
            }
            const std::string_view hint =
                all[j].key == "listener"
                    ? ""
                    : "; keys above the first listener line begin a default listener";
            draft.add_error(
                all[i].source, all[i].key,
                fmt::format("{} is taken by {} at {}, expected {} of its own{}",
                            all[i].listener->unix_path.empty()
                                ? fmt::format("port {}", all[i].listener->port)
                                : in_quotes(all[i].listener->unix_path),
                            all[j].key, to_string(all[j].source),
                            all[i].listener->unix_path.empty() ? "an address and port" : "a path",
                            hint));
            break;
        }
    }
}

void check_unused(ConfigDraft& draft) {
    const bool has_default_listener =
        !draft.default_listener.lines.empty() || draft.listeners.empty();
    if (!has_default_listener) {
        for (const auto& [key, source] : draft.default_listener.access.lines) {
            draft.add_notice(source, key,
                             "stands above the first listener and so concerns none "
                             "(per_listener_settings is true)");
        }
    }
    if (draft.has("log_facility") && !draft.config.log.to_syslog) {
        draft.add_notice(draft.lines.find("log_facility")->second, "log_facility",
                         "has no effect without log_dest syslog");
    }
}

}  // namespace martlet::app
