#include "protocol/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace martlet {

void assertion_failed(const char* condition, const char* file, int line, const char* function) {
    std::fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, function, condition);
    std::abort();
}

}  // namespace martlet
