// What SCRAM needs of OpenSSL: hashes, random bytes and Base64, on text.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/security/scram_credentials.hpp"

namespace martlet::security {

ScramKey hmac_sha256(std::string_view key, std::string_view text);
ScramKey sha256(std::string_view text);

// PBKDF2 with HMAC-SHA-256.
ScramKey pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations);
std::string random_bytes(std::size_t size);

std::string_view as_text(const ScramKey& key);

std::string to_base64(std::string_view bytes);
// Strict: whole groups of four, padding at the end alone, nothing else.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace martlet::security
