// Assertions for programming errors. They are never reachable from bytes off the network: what a
// peer can cause is an error value. Threading: immutable.
//
// MARTLET_ASSERT is checked in every build, because going on with broken state is worse than a
// restart. MARTLET_DEBUG_ASSERT is for checks too dear for a release: gone when NDEBUG is defined.
#pragma once

namespace martlet {

// Prints where and what, then aborts.
[[noreturn, gnu::cold, gnu::noinline]] void assertion_failed(const char* condition,
                                                             const char* file, int line,
                                                             const char* function);

}  // namespace martlet

#define MARTLET_ASSERT(condition)       \
    ((condition) ? static_cast<void>(0) \
                 : ::martlet::assertion_failed(#condition, __FILE__, __LINE__, __func__))

#ifdef NDEBUG
// Still compiled, so that it does not rot, but never evaluated.
#define MARTLET_DEBUG_ASSERT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#else
#define MARTLET_DEBUG_ASSERT(condition) MARTLET_ASSERT(condition)
#endif
