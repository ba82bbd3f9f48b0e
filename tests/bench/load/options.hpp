// What the command line asks for: one table of names, defaults and meanings, for all modes.
// Threading: immutable once parsed.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/version.hpp"

namespace martlet::load {

struct Options {
    std::string mode;

    std::string host = "127.0.0.1";
    std::uint64_t port = 1883;
    std::uint64_t protocol = 4;
    bool tls = false;
    std::string cafile;
    std::string user;
    std::string password;
    std::uint64_t pid = 0;
    double drain = 3;
    double secs = 0;
    std::uint64_t msgs = 0;
    std::uint64_t qos = 0;
    std::uint64_t payload = 64;
    std::uint64_t window = 20;
    std::uint64_t batch = 32;
    std::uint64_t outstanding = 0;
    double warmup = 0.5;

    std::uint64_t pubs = 1;
    std::uint64_t subs = 1;
    std::uint64_t topics = 1;
    double rate = 0;
    bool subscribe_all = false;
    bool one_at_a_time = false;

    std::uint64_t clients = 100;
    std::uint64_t concurrency = 100;
    double hold = 2;
    std::uint64_t filters = 200'000;
    std::uint64_t per_packet = 10;
    bool leave = false;

    protocol::Version version() const { return static_cast<protocol::Version>(protocol); }
};

// Throws std::invalid_argument with one line that says which option, what it is, and what it may
// be.
Options parse_options(int count, const char* const* arguments);

std::string usage();

}  // namespace martlet::load
