// `martlet store ...`: look into a data directory, check it, back it up, save what a damaged one
// still holds. All but repair may be used while a broker runs: they only read.
// Ownership: none. Threading: one thread at a time.
#pragma once

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "server/store/sqlite.hpp"

namespace martlet::store {

// `arguments` without "martlet store". Prints to stdout, mistakes to stderr; answers with the exit
// status: 0 all is well, 1 it is not, 2 the arguments are wrong.
int run_store_tool(std::span<const std::string_view> arguments);

// Each prints to `out` and answers with the exit status.
int check_store(const std::string& directory, std::FILE* out);
int check_database(const std::string& file, std::FILE* out);
int describe_store(const std::string& directory, std::FILE* out);
// Keeps the old files under names that end in .damaged-DATE.
int repair_store(const std::string& directory, std::FILE* out);
// `file` must not exist; it becomes a database that can be put into the place of DIR/martlet.db.
int back_up_store(const std::string& directory, const std::string& file, std::FILE* out);

// For reading only. What is in the way, or "".
std::string open_for_reading(const std::string& file, Connection& connection);

}  // namespace martlet::store
