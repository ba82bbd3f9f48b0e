// Paths of the configuration that may begin with a variable, so that secrets can come from where
// the system keeps them: `$CREDENTIALS_DIRECTORY/users` (systemd's LoadCredential=) or
// `${NAME}/users`. Threading: reads the environment, which nobody changes.
#pragma once

#include <string>
#include <string_view>

#include "server/app/config_values.hpp"

namespace martlet::app {

// As read_text(), with the variable replaced.
ValueResult<std::string> read_path(std::string_view value);

}  // namespace martlet::app
