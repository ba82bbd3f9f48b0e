// Finds a line's key in the tables and does what its row says.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "server/app/config_keys.hpp"
#include "server/app/nearest_word.hpp"
#include "server/app/printable.hpp"

namespace martlet::app {

namespace {

template <class Row>
const Row* find_row(std::span<const Row> rows, std::string_view name) {
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
    return found == rows.end() ? nullptr : &*found;
}

// Options of a plugin carry its own names behind a prefix.
const KeyRemark* find_refused(std::string_view name) {
    for (const std::string_view prefix : {"auth_opt_", "plugin_opt_"}) {
        if (name.starts_with(prefix)) {
            name = prefix;
        }
    }
    return find_row(refused_keys(), name);
}

KeyLines& lines_of(ConfigDraft& draft, KeyScope scope) {
    switch (scope) {
        case KeyScope::file:
            break;
        case KeyScope::listener:
            return draft.current->lines;
        case KeyScope::access:
            return draft.current_access().lines;
    }
    return draft.lines;
}

void apply_accepted(ConfigDraft& draft, const ConfigKey& key, std::string_view value) {
    KeyLines& lines = lines_of(draft, key.scope);
    const auto earlier = lines.find(key.name);
    if (key.is_single && earlier != lines.end()) {
        draft.add_error(draft.at, key.name,
                        fmt::format("given a second time, expected once (first at {})",
                                    to_string(earlier->second)));
        return;
    }
    lines.insert_or_assign(std::string{key.name}, draft.at);
    if (const KeyProblem problem = key.apply(draft, value)) {
        draft.add_error(draft.at, key.name, *problem);
    }
}

void refuse(ConfigDraft& draft, const KeyRemark& key, std::string_view name) {
    // The line that began the bridge or plugin has said it all.
    if (key.begun_by.empty() || !draft.has(key.begun_by)) {
        draft.add_error(draft.at, name, key.remark);
    }
    draft.lines.insert_or_assign(std::string{key.name}, draft.at);
}

void tell_unknown(ConfigDraft& draft, std::string_view name) {
    std::vector<std::string_view> known;
    for (const ConfigKey& key : accepted_keys()) {
        known.push_back(key.name);
    }
    for (const auto& rows : {explained_keys(), refused_keys()}) {
        for (const KeyRemark& key : rows) {
            known.push_back(key.name);
        }
    }
    const std::string_view nearest = nearest_word(name, known);
    std::string printable;
    append_printable(printable, name);
    draft.add_error(draft.at, printable,
                    nearest.empty() ? "unknown key, expected one of mosquitto.conf(5)"
                                    : fmt::format("unknown key, did you mean {}?", nearest));
}

}  // namespace

void apply_key(ConfigDraft& draft, std::string_view name, std::string_view value) {
    if (const ConfigKey* key = find_row(accepted_keys(), name)) {
        apply_accepted(draft, *key, value);
    } else if (const KeyRemark* explained = find_row(explained_keys(), name)) {
        draft.add_notice(draft.at, name, explained->remark);
    } else if (const KeyRemark* refused = find_refused(name)) {
        refuse(draft, *refused, name);
    } else {
        tell_unknown(draft, name);
    }
}

}  // namespace martlet::app
