// What must hold between the keys of a configuration, checked once all lines are read. Problems are
// reported at the line that has to change. Threading: its owner's thread only.
#pragma once

#include "server/app/config_draft.hpp"

namespace martlet::app {

// The TLS keys of one listener against each other and against the file system.
void check_tls(ConfigDraft& draft, const ListenerDraft& listener);
void check_protocol(ConfigDraft& draft, const ListenerDraft& listener);

// The key that tokens are checked with, and the keys that need one.
void check_tokens(ConfigDraft& draft, const AccessDraft& access);

// Minds a file of secrets that everybody on this machine may read, as mosquitto does.
void mind_readers(ConfigDraft& draft, const SourceLine& source, std::string_view key,
                  const std::string& path);

// No two listeners may want the same port of the same address.
void check_addresses(ConfigDraft& draft);

// The rest: keys that are given but can have no effect.
void check_unused(ConfigDraft& draft);

}  // namespace martlet::app
