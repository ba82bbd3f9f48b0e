// What passwords, SCRAM and tokens need of OpenSSL: hashes, random bytes and Base64, on text.
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
// Both of 64 bytes.
std::string sha512(std::string_view text);
std::string pbkdf2_sha512(std::string_view password, std::string_view salt,
                          std::uint32_t iterations);
std::string random_bytes(std::size_t size);

// Takes as long wherever the two differ; their sizes are no secret.
bool is_equal_in_constant_time(std::string_view a, std::string_view b);
// Overwrites what must not linger in free memory.
void wipe(std::string& secret);

// As OpenSSL's functions want it.
const unsigned char* bytes_of(std::string_view text);

std::string_view as_text(const ScramKey& key);

std::string to_base64(std::string_view bytes);
// Strict: whole groups of four, padding at the end alone, nothing else.
std::optional<std::string> from_base64(std::string_view text);
// The same without padding, as Argon2 writes it, and in the alphabet for URLs, as tokens do.
std::optional<std::string> from_unpadded_base64(std::string_view text);
std::optional<std::string> from_base64url(std::string_view text);
std::string to_unpadded_base64(std::string_view bytes);

}  // namespace martlet::security
