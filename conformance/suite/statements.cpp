#include "conformance/suite/statements.hpp"

#include "conformance/v311/statements.hpp"
#include "conformance/v5/statements.hpp"

namespace martlet::conformance {

std::span<const Statement> statements(Version version) {
    return version == Version::v5 ? v5::all() : v311::all();
}

}  // namespace martlet::conformance
