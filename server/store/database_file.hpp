// The files of a database: made for their owner only, and never half made.
// Threading: pure functions on files.
#pragma once

#include <string>

#include "server/store/sqlite.hpp"

namespace martlet::store {

// With its log and what belongs to it.
void remove_database(const std::string& file);

// A new file, not readable for others (SQLite would make it so); its log takes over the mode. What
// is in the way, or "".
std::string make_private_file(const std::string& file);

// An empty database of the present version in the place of whatever was there, synced.
std::string make_database(const std::string& file, Connection& connection);

// Sees to it that there is a database. A new one appears under its name only when it is whole, so
// that an empty or missing one beside its log is damage and nothing else.
std::string ensure_database(const std::string& file);

}  // namespace martlet::store
