// The table of everything a configuration file may say: key -> parser -> field.
//
// A key is accepted (has an effect), explained (mosquitto needs it and Martlet does not: a notice
// says why) or refused (it asks for something Martlet does not do: an error says so, because going
// on without it would be a different server than the one described).
// Threading: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/app/config_draft.hpp"

namespace martlet::app {

// What a line was wrong about: "what was wrong, what was expected".
using KeyProblem = std::optional<std::string>;

// Where a key belongs. Listener keys belong to the `listener` line above them, or to the default
// listener; access keys do so only after `per_listener_settings true`.
enum class KeyScope : std::uint8_t { file, listener, access };

struct ConfigKey {
    std::string_view name;
    KeyScope scope = KeyScope::file;
    // Puts the value into the draft. None: the key is explained or refused, see `remark`.
    KeyProblem (*apply)(ConfigDraft& draft, std::string_view value) = nullptr;
    // Whether a second line with the key, in the same scope, is an error (as for mosquitto's paths
    // and names) instead of the last one winning.
    bool is_single = false;
};

// A key without effect: `remark` is one sentence for the notice or error.
struct KeyRemark {
    std::string_view name;
    std::string_view remark;
    // Refused keys of a bridge or plugin are not reported again below the line that begins it.
    std::string_view begun_by = {};
};

std::span<const ConfigKey> accepted_keys();  // all of the following
std::span<const ConfigKey> broker_keys();
std::span<const ConfigKey> listener_keys();
std::span<const ConfigKey> protocol_keys();
std::span<const ConfigKey> tls_keys();
std::span<const ConfigKey> access_keys();
std::span<const ConfigKey> log_keys();
std::span<const KeyRemark> explained_keys();
std::span<const KeyRemark> refused_keys();

// Takes one line of a configuration file into `draft`, whose `at` names it. Problems go to
// draft.errors, explanations to draft.notices.
void apply_key(ConfigDraft& draft, std::string_view name, std::string_view value);

}  // namespace martlet::app
