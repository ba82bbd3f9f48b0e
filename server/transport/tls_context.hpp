// placeholder
#pragma once
#include <openssl/ssl.h>
#include <string>
namespace martlet::transport {
struct TlsOptions {
    std::string certfile;
};
class TlsContext {};
}  // namespace martlet::transport
