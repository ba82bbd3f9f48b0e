// The broker under test, and how to reach it.
//
// Ownership: values. Threading: immutable.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "conformance/suite/packet.hpp"

namespace martlet::conformance {

struct Target {
    std::string host;
    std::string port;
    Version version = Version::v311;
    std::optional<std::string> user{};
    std::optional<std::string> password{};
    bool tls = false;
    std::string ca_file{};
    // How long an answer may take before the test fails.
    std::chrono::seconds patience{8};
};

}  // namespace martlet::conformance
