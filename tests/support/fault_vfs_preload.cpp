// FaultVfs under the real broker, as a shared object:
//
//   export LD_PRELOAD=build/release/tests/libmartlet_fault_vfs.so MARTLET_FAULT_VFS=hold
//   build/release/martlet -c FILE
//
// Every unsynced write is then in the broker's memory only, so that `kill -9` is a power failure.
// MARTLET_FAULT_VFS is `hold`, or `hold,ONE_IN,SEED`: one in ONE_IN unsynced writes reaches the
// file at once. Without the variable the object does nothing. Other processes must not have the
// database open meanwhile (no `store info`, no `store backup`): they would not see what is held.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/support/fault_vfs.hpp"

namespace {

[[gnu::constructor]] void install() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before main, there is one thread.
    const char* const mode = std::getenv("MARTLET_FAULT_VFS");
    if (mode == nullptr || std::strncmp(mode, "hold", 4) != 0) {
        return;
    }
    unsigned long long leak_one_in = 0;
    unsigned long long seed = 1;
    // NOLINTNEXTLINE(cert-err34-c): what is not there keeps its default.
    std::sscanf(mode, "hold,%llu,%llu", &leak_one_in, &seed);
    martlet::testing::FaultVfs::instance().hold_writes(true, leak_one_in, seed);
}

}  // namespace
