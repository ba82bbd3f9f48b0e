#include "server/transport/thread_memory.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>

namespace martlet::transport {

void prepare_thread_memory() {
    // Below the size from which memory is mapped apart; together nearly all of the 64 MiB that an
    // arena's first heap has.
    constexpr std::size_t block_bytes = 3'500'000;
    std::array<void*, 17> blocks{};
    for (void*& block : blocks) {
        block = std::malloc(block_bytes);
    }
    for (void* block : blocks) {
        std::free(block);
    }
}

}  // namespace martlet::transport
