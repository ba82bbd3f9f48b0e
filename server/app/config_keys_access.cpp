// The keys that say who may connect and what they may do.
#include <array>
#include <vector>

#include "server/app/access_files.hpp"
#include "server/app/config_checks.hpp"
#include "server/app/config_setters.hpp"
#include "server/security/token_key.hpp"

namespace martlet::app {

namespace {

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

// A file is read here for its mistakes alone; whoever needs what is in it reads it again. All are
// told, the first as the problem of the key.
KeyProblem tell_mistakes(ConfigDraft& draft, std::string_view key,
                         std::vector<std::string> mistakes) {
    if (mistakes.empty()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i + 1 < mistakes.size(); ++i) {
        draft.add_error(draft.at, key, mistakes[i]);
    }
    return std::move(mistakes.back());
}

KeyProblem set_scram_file(ConfigDraft& draft, std::string_view value) {
    if (KeyProblem problem = set_path<&Config::scram_file>(draft, value)) {
        return problem;
    }
    const std::string& path = draft.config.scram_file;
    mind_readers(draft, draft.at, "scram_file", path);
    return tell_mistakes(draft, "scram_file", mistakes_in_scram_file(path));
}

KeyProblem set_password_file(ConfigDraft& draft, std::string_view value) {
    if (KeyProblem problem = set_path<&AccessDraft::password_file>(draft, value)) {
        return problem;
    }
    const std::string& path = draft.current_access().password_file;
    mind_readers(draft, draft.at, "password_file", path);
    return tell_mistakes(draft, "password_file", mistakes_in_password_file(path));
}

KeyProblem set_acl_file(ConfigDraft& draft, std::string_view value) {
    if (KeyProblem problem = set_path<&AccessDraft::acl_file>(draft, value)) {
        return problem;
    }
    return tell_mistakes(draft, "acl_file", mistakes_in_acl_file(draft.current_access().acl_file));
}

KeyProblem set_jwt_algorithm(ConfigDraft& draft, std::string_view value) {
    constexpr std::string_view expected = "HS256, RS256 or ES256";
    const auto word = read_word(value, expected);
    if (const auto* failed = std::get_if<ValueProblem>(&word)) {
        return failed->text;
    }
    const std::string_view name = std::get<std::string_view>(word);
    if (!security::token_algorithm_from(name)) {
        return fmt::format("{} is not known, expected {}", in_quotes(name), expected);
    }
    draft.current_access().jwt_algorithm = name;
    return std::nullopt;
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

constexpr KeyScope whole_file = KeyScope::file;
constexpr KeyScope access = KeyScope::access;
constexpr bool single = true;

// In alphabetical order.
constexpr auto rows = std::to_array<ConfigKey>({
    {"acl_file", access, set_acl_file, single},
    {"allow_anonymous", access, set_flag<&AccessDraft::allow_anonymous>},
    {"allow_zero_length_clientid", access, set_flag<&AccessDraft::allow_zero_length_clientid>},
    {"auth_ban_s", whole_file, set_duration<&Config::auth_ban, 1, 86'400>},
    {"auth_failures_max", whole_file, set_number<&Config::auth_failures_max, 0, 1'000'000>},
    {"auto_id_prefix", access, set_auto_id_prefix, single},
    {"jwt_algorithm", access, set_jwt_algorithm, single},
    {"jwt_audience", access, set_text<&AccessDraft::jwt_audience>, single},
    {"jwt_issuer", access, set_text<&AccessDraft::jwt_issuer>, single},
    {"jwt_key_file", access, set_path<&AccessDraft::jwt_key_file>, single},
    {"password_file", access, set_password_file, single},
    {"password_workers", whole_file, set_number<&Config::password_workers, 0, 64>},
    {"per_listener_settings", whole_file, set_per_listener_settings},
    {"scram_file", whole_file, set_scram_file, single},
});

}  // namespace

std::span<const ConfigKey> access_keys() {
    return rows;
}

}  // namespace martlet::app
