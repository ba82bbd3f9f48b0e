#include "server/transport/tls_error.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <array>

namespace martlet::transport {

std::string take_tls_errors() {
    std::string text;
    int index = 0;
    while (const unsigned long error = ERR_get_error()) {
        std::array<char, 256> line{};
        ERR_error_string_n(error, line.data(), line.size());
        text += fmt::format("{}OpenSSL Error[{}]: {}", index == 0 ? "" : ", ", index, line.data());
        ++index;
    }
    return text;
}

std::string take_tls_reason() {
    const unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(error);
    return reason == nullptr ? "not understood" : reason;
}

}  // namespace martlet::transport
