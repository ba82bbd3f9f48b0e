// The 243 statements of MQTT 5.0.
//
// Ownership: static storage. Threading: immutable.
#pragma once

#include <span>

#include "conformance/suite/statements.hpp"

namespace martlet::conformance::v5 {

std::span<const Statement> all();

}  // namespace martlet::conformance::v5
