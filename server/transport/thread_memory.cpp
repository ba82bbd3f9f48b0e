#include "server/transport/thread_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace martlet::transport {

namespace {

// What is made resident at once, at most unused for as long as fewer connections come.
constexpr std::size_t step_bytes = std::size_t{128} * 1024;

// The allocator takes the next small blocks from where it takes one large block now.
void make_next_resident() {
    void* const block = std::malloc(step_bytes);
    if (block == nullptr) {
        return;
    }
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t beyond = reinterpret_cast<std::uintptr_t>(block) % page;
    std::byte* const first_page = static_cast<std::byte*>(block) + (page - beyond);
    // Fails on a kernel before 5.14, where all stays as it was.
    ::madvise(first_page, step_bytes - page, MADV_POPULATE_WRITE);
    std::free(block);
}

}  // namespace

void expect_memory_use(std::size_t bytes) {
    thread_local std::size_t expected = step_bytes;
    expected += bytes;
    if (expected > step_bytes) {
        expected = 0;
        make_next_resident();
    }
}

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
