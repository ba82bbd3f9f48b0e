// The allocator of a shard's thread, made ready for its work.
// Threading: on the thread it is for, before its work begins.
#pragma once

#include <cstddef>

namespace martlet::transport {

// glibc makes the memory of a thread usable page by page, with a system call for each: while many
// clients connect that is one or two for every TLS handshake. This asks for it all at once. Nothing
// is touched, so nothing becomes resident.
void prepare_thread_memory();

// Tells that the calling thread is going to keep as much more. Its pages become resident many at a
// time, which costs a fraction of a fault for each, the more so on a virtual machine.
void expect_memory_use(std::size_t bytes);

}  // namespace martlet::transport
