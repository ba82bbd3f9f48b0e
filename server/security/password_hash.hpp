// What is kept of a password: mosquitto's three forms, read and checked; new ones are argon2id.
//
//   $6$SALT$HASH                           one SHA-512 over the password and the salt
//   $7$ITERATIONS$SALT$HASH                PBKDF2 with HMAC-SHA-512
//   $argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH
//
// in Base64, which argon2id has without padding. What a file may ask for is bounded: a mistyped
// cost is a fault when the file is read, not a worker that is busy for an hour.
// Ownership: values. Threading: pure functions; checking takes a while, as it should.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace martlet::security {

enum class PasswordScheme : std::uint8_t { sha512, pbkdf2_sha512, argon2id };

struct PasswordHash {
    PasswordScheme scheme{};
    std::uint32_t iterations = 1;  // argon2id: passes
    std::uint32_t memory_kib = 0;  // argon2id
    std::uint32_t lanes = 0;       // argon2id
    std::string salt;              // bytes
    std::string hash;              // bytes
};

inline constexpr std::uint32_t pbkdf2_iterations_max = 2'000'000;
inline constexpr std::uint32_t argon2_memory_kib_max = 1U << 20U;
// Memory times passes, the time it takes: about three seconds.
inline constexpr std::uint64_t argon2_work_kib_max = 4U << 20U;

// Or what is wrong with the text, which is not quoted.
std::variant<PasswordHash, std::string> parse_password_hash(std::string_view text);

// Whether the text begins as one of the forms does; a password in the clear hardly will.
bool looks_like_password_hash(std::string_view text);

// Nothing: there is not enough memory to tell.
std::optional<bool> is_password(const PasswordHash& expected, std::string_view password);

// With a new salt and today's cost. Not for sha512, which is no protection.
std::string make_password_hash(PasswordScheme scheme, std::string_view password);

}  // namespace martlet::security
