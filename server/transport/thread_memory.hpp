// The allocator of a shard's thread, made ready for its work.
// Threading: on the thread it is for, before its work begins.
#pragma once

namespace martlet::transport {

// glibc makes the memory of a thread usable page by page, with a system call for each: while many
// clients connect that is one or two for every TLS handshake. This asks for it all at once. Nothing
// is touched, so nothing becomes resident.
void prepare_thread_memory();

}  // namespace martlet::transport
