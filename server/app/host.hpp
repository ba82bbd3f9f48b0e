// What the broker asks of the machine it runs on.
// Threading: at start, before there are threads, unless said otherwise.
#pragma once

#include <cstddef>
#include <string>

namespace martlet::app {

// As many file descriptors as may be had; a connection takes one. Returns how many there are.
std::size_t raise_descriptor_limit();
// From any thread.
std::size_t descriptor_limit();

// Freed memory is kept for reuse up to a bound, instead of being returned and fetched again with
// each large message; return_free_memory() gives it back after a peak.
void tune_allocator();
// From any thread. May take milliseconds for a large heap.
void return_free_memory();

// Resident memory of this process, bytes. From any thread.
std::size_t resident_bytes();

// What the broker may use when nobody says so: half of the machine's memory, or of what its control
// group may have. 0: not known.
std::size_t default_memory_limit();

// Goes to the background; what was wrong, or empty.
std::string daemonise();
std::string write_pid_file(const std::string& path);
// Becomes this user, when started as root; otherwise nothing is done.
std::string become_user(const std::string& name);

}  // namespace martlet::app
