// A configuration while it is being read: what the lines said so far and where they said it. The
// keys write into it, the checks read it, and config_file.cpp turns it into a Config.
//
// It differs from Config where "not said" and "said the default" must stay apart: access settings
// fall back from the listener to the file, and mosquitto's default listener exists only if some key
// that belongs to it was given.
//
// Ownership: lives during one load_config(). Threading: its owner's thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/config.hpp"

namespace martlet::app {

struct SourceLine {
    std::string file;
    std::size_t line = 0;
};

// "FILE:LINE".
std::string to_string(const SourceLine& source);

// Where each key was last given, in one scope.
using KeyLines = std::map<std::string, SourceLine, std::less<>>;

// What `per_listener_settings` moves from the file to the listener.
struct AccessDraft {
    std::optional<bool> allow_anonymous;
    std::optional<bool> allow_zero_length_clientid;
    std::string auto_id_prefix;  // empty: not given, as with those below
    std::string password_file;
    std::string acl_file;
    std::string jwt_key_file;
    std::string jwt_algorithm;
    std::string jwt_issuer;
    std::string jwt_audience;
    KeyLines lines;
};

struct ListenerDraft {
    ListenerConfig listener;
    TlsConfig tls;  // becomes listener.tls if a certificate was given
    AccessDraft access;
    SourceLine source;  // line 0: the default listener
    KeyLines lines;     // of its own keys, not of `access`

    [[nodiscard]] bool has(std::string_view key) const { return lines.contains(key); }
};

struct ConfigDraft {
    Config config;
    ListenerDraft default_listener;
    std::deque<ListenerDraft> listeners;  // a deque, so that `current` stays valid
    ListenerDraft* current = &default_listener;
    AccessDraft access;  // of the whole file
    bool per_listener_settings = false;
    bool is_log_dest_given = false;  // the first one replaces the default
    bool is_log_type_given = false;
    KeyLines lines;  // of the keys of the whole file
    SourceLine at;   // the line being read
    std::vector<std::string> errors;
    std::vector<std::string> notices;

    ConfigDraft() = default;
    ConfigDraft(const ConfigDraft&) = delete;
    ConfigDraft& operator=(const ConfigDraft&) = delete;

    [[nodiscard]] bool has(std::string_view key) const { return lines.contains(key); }
    [[nodiscard]] AccessDraft& current_access() {
        return per_listener_settings ? current->access : access;
    }

    // One line each: "FILE:LINE: KEY: what was wrong, what was expected".
    void add_error(const SourceLine& source, std::string_view key, std::string_view problem);
    void add_notice(const SourceLine& source, std::string_view key, std::string_view remark);
};

}  // namespace martlet::app
