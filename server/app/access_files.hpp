// The files that say who may connect and what they may do: checked when the configuration is, and
// read when they are put in force.
// Threading: pure functions over the file system.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "server/app/config.hpp"
#include "server/security/access_rules.hpp"

namespace martlet::app {

// All mistakes of a file, each "FILE:LINE: what was wrong, what was expected".
std::vector<std::string> mistakes_in_password_file(const std::string& path);
std::vector<std::string> mistakes_in_acl_file(const std::string& path);
std::vector<std::string> mistakes_in_scram_file(const std::string& path);
std::vector<std::string> mistakes_in_token_key(const std::string& path,
                                               const std::string& algorithm);

// Whether everybody on this machine may read the file; mosquitto minds, too.
bool is_readable_by_all(const std::string& path);

// Everything that the configuration names, each file read once; or all mistakes.
std::variant<security::AccessSetup, std::vector<std::string>> load_access(const Config& config);

}  // namespace martlet::app
