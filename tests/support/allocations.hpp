// Counts calls of operator new in the whole process, for tests of paths that must not allocate.
// Whoever calls allocation_count() gets the counting operator new linked in.
// Threading: shared, internally synchronised.
#pragma once

#include <cstdint>

namespace martlet::testing {

std::uint64_t allocation_count();

}  // namespace martlet::testing
