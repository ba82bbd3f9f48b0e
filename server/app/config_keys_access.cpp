// The keys that say who may connect and what they may do.
#include <array>

#include "server/app/config_setters.hpp"
#include "server/security/scram_credentials.hpp"

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
    {"allow_anonymous", access, set_flag<&AccessDraft::allow_anonymous>},
    {"allow_zero_length_clientid", access, set_flag<&AccessDraft::allow_zero_length_clientid>},
    {"auto_id_prefix", access, set_auto_id_prefix, single},
    {"per_listener_settings", whole_file, set_per_listener_settings},
    {"scram_file", whole_file, set_scram_file, single},
});

}  // namespace

std::span<const ConfigKey> access_keys() {
    return rows;
}

}  // namespace martlet::app
