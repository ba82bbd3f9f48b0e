// `martlet passwd ...`: makes and changes the files that password_file and scram_file name, with
// the options of mosquitto_passwd.
//
// A file is replaced as a whole or not at all; comments and other users' lines stay as they are.
// Ownership: none. Threading: one thread at a time.
#pragma once

#include <span>
#include <string_view>

namespace martlet::security {

// `arguments` without "martlet passwd". Asks on the terminal, or reads standard input where that is
// none. Mistakes go to stderr; answers with the exit status: 0 done, 1 not, 2 the arguments are
// wrong.
int run_passwd_tool(std::span<const std::string_view> arguments);

}  // namespace martlet::security
