// Counts calls of operator new in the whole process, for tests of paths that must not allocate, and
// the bytes that are allocated.
// Whoever calls allocation_count() gets the counting operator new linked in.
// Threading: shared, internally synchronised.
#pragma once

#include <cstdint>

namespace martlet::testing {

std::uint64_t allocation_count();
// Now; as much as each allocation has room for.
std::uint64_t allocated_bytes();

}  // namespace martlet::testing
