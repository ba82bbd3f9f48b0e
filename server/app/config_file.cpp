#include "server/app/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "server/app/config_checks.hpp"
#include "server/app/config_draft.hpp"
#include "server/app/config_keys.hpp"
#include "server/app/config_values.hpp"

namespace martlet::app {

namespace {

// No configuration is that long; something else was named by mistake, a device perhaps.
constexpr std::size_t file_bytes_max = 16U << 20U;

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// At most one chunk more than file_bytes_max.
std::string read_bounded(std::istream& file) {
    std::string text;
    std::array<char, 64U << 10U> chunk{};
    while (text.size() <= file_bytes_max && file) {
        file.read(chunk.data(), chunk.size());
        text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
    }
    return text;
}

class ConfigReader {
public:
    explicit ConfigReader(ConfigDraft& draft) : draft_{draft} {}

    void read_file(const std::string& path) {
        std::error_code error;
        if (std::filesystem::is_directory(path, error)) {
            tell_unreadable(path, "is a directory");
            return;
        }
        errno = 0;
        std::ifstream file{path, std::ios::binary};
        if (!file.is_open()) {
            tell_unreadable(path, std::generic_category().message(errno));
            return;
        }
        const std::string text = read_bounded(file);
        if (text.size() > file_bytes_max) {
            tell_unreadable(path, fmt::format("more than {} bytes", file_bytes_max));
            return;
        }
        read_text(text, path);
    }

    // Each file begins in the scope of the default listener and ends where it began, so that an
    // included file neither adds to a listener of the main file nor takes its keys.
    void read_text(std::string_view text, const std::string& name) {
        const SourceLine outer_at = draft_.at;
        ListenerDraft* const outer_listener = draft_.current;
        draft_.current = &draft_.default_listener;
        draft_.at = {name, 0};
        if (text.starts_with(byte_order_mark)) {
            text.remove_prefix(byte_order_mark.size());
        }
        if (text.find('\0') != std::string_view::npos) {
            draft_.errors.push_back(
                fmt::format("{}: holds a NUL byte, expected a text file", name));
        } else {
            read_lines(text);
        }
        draft_.at = outer_at;
        draft_.current = outer_listener;
    }

private:
    void read_lines(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            ++draft_.at.line;
            read_line(text.substr(0, end));
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        }
    }

    void read_line(std::string_view line) {
        while (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        line = trimmed(line);
        if (line.empty() || line.starts_with('#')) {
            return;
        }
        const std::string_view key = line.substr(0, line.find_first_of(" \t"));
        const std::string_view value = trimmed(line.substr(key.size()));
        if (key == "include_dir") {
            include_directory(value);
        } else {
            apply_key(draft_, key, value);
        }
    }

    void include_directory(std::string_view path) {
        if (is_including_) {
            draft_.add_error(draft_.at, "include_dir",
                             "stands in an included file, expected in the main file only");
            return;
        }
        if (path.empty()) {
            draft_.add_error(draft_.at, "include_dir", "no value, expected a directory");
            return;
        }
        std::error_code error;
        std::vector<std::string> names;
        for (std::filesystem::directory_iterator entry{std::filesystem::path{path}, error}, end;
             !error && entry != end; entry.increment(error)) {
            std::string name = entry->path().filename().string();
            if (name.ends_with(".conf") && name != ".conf") {
                names.push_back(std::move(name));
            }
        }
        if (error) {
            draft_.add_error(draft_.at, "include_dir",
                             fmt::format("cannot read {} ({}), expected a readable directory",
                                         in_quotes(path), error.message()));
            return;
        }
        std::sort(names.begin(), names.end(), comes_before);
        is_including_ = true;
        for (const std::string& name : names) {
            read_file((std::filesystem::path{path} / name).string());
        }
        is_including_ = false;
    }

    // Alphabetical with the upper case of a letter before its lower case, as mosquitto.conf(5)
    // has it: A, a, B, b.
    static bool comes_before(const std::string& a, const std::string& b) {
        const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
        const auto is_less = [&](char x, char y) { return lower(x) < lower(y); };
        const auto less = [&](const std::string& x, const std::string& y) {
            return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), is_less);
        };
        return less(a, b) || (!less(b, a) && a < b);
    }

    void tell_unreadable(const std::string& path, const std::string& why) {
        std::string error =
            fmt::format("{}: cannot be read ({}), expected a configuration file", path, why);
        if (is_including_) {
            error = fmt::format("{}: include_dir: {}", to_string(draft_.at), error);
        }
        draft_.errors.push_back(std::move(error));
    }

    ConfigDraft& draft_;
    bool is_including_ = false;
};

// What the drafts of the listeners become.
class ListenerBuilder {
public:
    ListenerBuilder(ConfigDraft& draft, const ConfigOverrides& overrides)
        : draft_{draft}, ports_{overrides.ports} {
        const ListenerDraft& fallback = draft.default_listener;
        is_loopback_only_ =
            draft.listeners.empty() && !fallback.has("port") && !fallback.has("bind_address");
    }

    void build() {
        if (is_loopback_only_) {
            build_loopback();
            return;
        }
        if (!ports_.empty()) {
            draft_.notices.emplace_back(
                "-p: has no effect, the configuration file has listeners of its own");
        }
        if (!draft_.default_listener.lines.empty()) {
            draft_.config.listeners.push_back(build_one(draft_.default_listener));
        }
        for (const ListenerDraft& listener : draft_.listeners) {
            draft_.config.listeners.push_back(build_one(listener));
        }
    }

private:
    void build_loopback() {
        ListenerConfig listener = build_one(draft_.default_listener);
        listener.is_loopback_only = true;
        listener.source.clear();
        if (ports_.empty()) {
            draft_.config.listeners.push_back(std::move(listener));
            return;
        }
        for (const std::uint16_t port : ports_) {
            listener.port = port;
            draft_.config.listeners.push_back(listener);
        }
    }

    ListenerConfig build_one(const ListenerDraft& draft) const {
        ListenerConfig listener = draft.listener;
        const AccessDraft& access = draft_.per_listener_settings ? draft.access : draft_.access;
        // Anybody on this machine, nobody from elsewhere, unless the file says so.
        listener.allow_anonymous = access.allow_anonymous.value_or(is_loopback_only_);
        listener.allow_zero_length_clientid = access.allow_zero_length_clientid.value_or(true);
        if (!access.auto_id_prefix.empty()) {
            listener.auto_id_prefix = access.auto_id_prefix;
        }
        listener.password_file = access.password_file;
        listener.acl_file = access.acl_file;
        listener.jwt_key_file = access.jwt_key_file;
        if (!access.jwt_algorithm.empty()) {
            listener.jwt_algorithm = access.jwt_algorithm;
        }
        listener.jwt_issuer = access.jwt_issuer;
        listener.jwt_audience = access.jwt_audience;
        if (draft.has("certfile") && draft.has("keyfile")) {
            listener.tls = draft.tls;
        }
        if (draft.source.line != 0) {
            listener.source = to_string(draft.source);
        } else if (!draft.lines.empty()) {
            listener.source = to_string(draft.lines.begin()->second);
        }
        return listener;
    }

    ConfigDraft& draft_;
    const std::vector<std::uint16_t>& ports_;
    bool is_loopback_only_ = false;
};

void check_all(ConfigDraft& draft) {
    check_tls(draft, draft.default_listener);
    check_protocol(draft, draft.default_listener);
    for (const ListenerDraft& listener : draft.listeners) {
        check_tls(draft, listener);
        check_protocol(draft, listener);
    }
    check_tokens(draft, draft.access);
    check_tokens(draft, draft.default_listener.access);
    for (const ListenerDraft& listener : draft.listeners) {
        check_tokens(draft, listener.access);
    }
    check_addresses(draft);
    check_unused(draft);
}

ConfigResult finish(ConfigDraft& draft, const ConfigOverrides& overrides) {
    check_all(draft);
    ListenerBuilder{draft, overrides}.build();
    Config& config = draft.config;
    config.daemonise = overrides.daemonise;
    if (overrides.is_verbose) {
        config.log.levels = LogLevelSet::all();
    }
    if (overrides.is_quiet) {
        config.log.levels = {};
    }
    return {std::move(config), std::move(draft.errors), std::move(draft.notices)};
}

}  // namespace

ConfigResult load_config(const std::string& path, const ConfigOverrides& overrides) {
    ConfigDraft draft;
    if (!path.empty()) {
        draft.config.source = path;
        ConfigReader{draft}.read_file(path);
    }
    return finish(draft, overrides);
}

ConfigResult parse_config(std::string_view text, const std::string& name,
                          const ConfigOverrides& overrides) {
    ConfigDraft draft;
    draft.config.source = name;
    ConfigReader{draft}.read_text(text, name);
    return finish(draft, overrides);
}

}  // namespace martlet::app
