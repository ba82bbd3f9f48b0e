// `martlet init DIR`: a safe installation to begin with. An authority and a server certificate, a
// user with a random password, an access list and a configuration that uses them all, and the lines
// to try it with.
// Threading: the main thread; before anything else runs.
#pragma once

#include <span>
#include <string_view>

namespace martlet::app {

// `arguments` without the program's name and `init`. Returns the exit status.
int run_init_tool(std::span<const std::string_view> arguments);

}  // namespace martlet::app
