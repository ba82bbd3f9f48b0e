// Reads a mosquitto.conf, and everything it includes, into a Config.
// Threading: pure functions over the file system.
//
// All problems are found in one go, each as one line "FILE:LINE: KEY: what was wrong, what was
// expected". The Config is usable exactly if there are none. Nothing is opened or bound: a server
// that runs can load a new file, look at it, and keep the old one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/config.hpp"

namespace martlet::app {

// What the command line says about the configuration; it outlives reloads.
struct ConfigOverrides {
    std::vector<std::uint16_t> ports{};  // -p: loopback listeners, if the file has none
    bool is_verbose = false;             // -v: all log types
    bool is_quiet = false;               // -q: no log types, wins over -v
    bool daemonise = false;              // -d
};

struct ConfigResult {
    Config config;
    std::vector<std::string> errors;
    std::vector<std::string> notices;  // keys that are accepted without an effect, and why

    [[nodiscard]] bool is_ok() const { return errors.empty(); }
};

// An empty `path` means that there is no file: the defaults, on loopback.
ConfigResult load_config(const std::string& path, const ConfigOverrides& overrides);

// The same from text in memory, called `name` in messages.
ConfigResult parse_config(std::string_view text, const std::string& name,
                          const ConfigOverrides& overrides);

}  // namespace martlet::app
