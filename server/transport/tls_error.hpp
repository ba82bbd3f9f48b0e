// OpenSSL's errors in words. Threading: works on the calling thread's error queue.
#pragma once

#include <string>

namespace martlet::transport {

// All that waits in the queue, the way operators know it from mosquitto:
// "OpenSSL Error[0]: error:0A000126:SSL routines::unexpected eof while reading". Empties the queue.
std::string take_tls_errors();

// The reason of the last error alone, e.g. "no start line". Empties the queue.
std::string take_tls_reason();

}  // namespace martlet::transport
