// The 140 statements of MQTT 3.1.1.
//
// Ownership: static storage. Threading: immutable.
#pragma once

#include <span>

#include "conformance/suite/statements.hpp"

namespace martlet::conformance::v311 {

std::span<const Statement> all();

}  // namespace martlet::conformance::v311
