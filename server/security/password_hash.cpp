#include "server/security/password_hash.hpp"

#include <argon2.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "protocol/assert.hpp"
#include "server/security/crypto.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t sha512_size = 64;
constexpr std::size_t salt_size_min = 8;
constexpr std::size_t salt_size_max = 64;
constexpr std::size_t argon2_hash_size_min = 16;
constexpr std::size_t argon2_hash_size_max = 64;
constexpr std::uint32_t argon2_lanes_max = 16;

// What new hashes cost: OWASP's advice for argon2id and for PBKDF2 with HMAC-SHA-512.
constexpr std::uint32_t argon2_memory_kib = 19U << 10U;
constexpr std::uint32_t argon2_passes = 2;
constexpr std::uint32_t argon2_lanes = 1;
constexpr std::size_t argon2_salt_size = 16;
constexpr std::size_t argon2_hash_size = 32;
constexpr std::uint32_t pbkdf2_iterations = 210'000;
constexpr std::size_t pbkdf2_salt_size = 12;  // mosquitto takes no other

constexpr std::string_view sha512_prefix = "$6$";
constexpr std::string_view pbkdf2_prefix = "$7$";
constexpr std::string_view argon2id_prefix = "$argon2id$";

using Parsed = std::variant<PasswordHash, std::string>;

std::optional<std::uint32_t> read_number(std::string_view text) {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) {
        return std::nullopt;
    }
    return number;
}

// Takes what stands before the next `separator` off the text; all of it if there is none.
std::string_view take_field(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return field;
}

// The number behind "name=".
std::optional<std::uint32_t> take_parameter(std::string_view& rest, std::string_view name) {
    std::string_view field = take_field(rest, ',');
    if (!field.starts_with(name)) {
        return std::nullopt;
    }
    field.remove_prefix(name.size());
    return read_number(field);
}

std::string check_sizes(const PasswordHash& hash, std::size_t hash_size_min,
                        std::size_t hash_size_max) {
    if (hash.salt.size() < salt_size_min || hash.salt.size() > salt_size_max) {
        return fmt::format("the salt has {} bytes, expected {} to {}", hash.salt.size(),
                           salt_size_min, salt_size_max);
    }
    if (hash.hash.size() < hash_size_min || hash.hash.size() > hash_size_max) {
        return fmt::format("the hash has {} bytes, expected {} to {}", hash.hash.size(),
                           hash_size_min, hash_size_max);
    }
    return {};
}

// SALT$HASH, the end of every form.
Parsed parse_salt_and_hash(PasswordHash hash, std::string_view rest) {
    const bool is_argon2id = hash.scheme == PasswordScheme::argon2id;
    const auto decode = is_argon2id ? from_unpadded_base64 : from_base64;
    const auto salt = decode(take_field(rest, '$'));
    const auto digest = decode(rest);
    if (!salt || !digest) {
        return fmt::format("the {} is not in Base64{}", salt ? "hash" : "salt",
                           is_argon2id ? " without padding" : "");
    }
    hash.salt = *salt;
    hash.hash = *digest;
    std::string problem = is_argon2id
                              ? check_sizes(hash, argon2_hash_size_min, argon2_hash_size_max)
                              : check_sizes(hash, sha512_size, sha512_size);
    if (!problem.empty()) {
        return problem;
    }
    return hash;
}

Parsed parse_pbkdf2(std::string_view rest) {
    PasswordHash hash;
    hash.scheme = PasswordScheme::pbkdf2_sha512;
    const auto iterations = read_number(take_field(rest, '$'));
    if (!iterations || *iterations == 0 || *iterations > pbkdf2_iterations_max) {
        return fmt::format("the iterations of $7$ are not a number from 1 to {}",
                           pbkdf2_iterations_max);
    }
    hash.iterations = *iterations;
    return parse_salt_and_hash(std::move(hash), rest);
}

Parsed parse_argon2id(std::string_view rest) {
    PasswordHash hash;
    hash.scheme = PasswordScheme::argon2id;
    if (take_field(rest, '$') != "v=19") {
        return "another version of argon2id, expected v=19";
    }
    std::string_view parameters = take_field(rest, '$');
    const auto memory = take_parameter(parameters, "m=");
    const auto passes = take_parameter(parameters, "t=");
    const auto lanes = take_parameter(parameters, "p=");
    if (!memory || !passes || !lanes || !parameters.empty()) {
        return "the cost of argon2id is not in the form m=KIB,t=PASSES,p=LANES";
    }
    if (*passes == 0 || *lanes == 0 || *lanes > argon2_lanes_max || *memory < 8 * *lanes) {
        return fmt::format(
            "the cost of argon2id is not possible, expected at least one pass, 1 to {} lanes and 8 "
            "KiB for each lane",
            argon2_lanes_max);
    }
    if (*memory > argon2_memory_kib_max || std::uint64_t{*memory} * *passes > argon2_work_kib_max) {
        return fmt::format(
            "the cost of argon2id is too high, expected m of {} at most and m times t of {} at "
            "most",
            argon2_memory_kib_max, argon2_work_kib_max);
    }
    hash.memory_kib = *memory;
    hash.iterations = *passes;
    hash.lanes = *lanes;
    return parse_salt_and_hash(std::move(hash), rest);
}

// Nothing: not enough memory.
std::optional<std::string> argon2id(const PasswordHash& how, std::string_view password) {
    std::string result(how.hash.size(), '\0');
    const int status = argon2id_hash_raw(how.iterations, how.memory_kib, how.lanes, password.data(),
                                         password.size(), how.salt.data(), how.salt.size(),
                                         result.data(), result.size());
    if (status != ARGON2_OK) {
        return std::nullopt;
    }
    return result;
}

}  // namespace

bool looks_like_password_hash(std::string_view text) {
    return text.starts_with(sha512_prefix) || text.starts_with(pbkdf2_prefix) ||
           text.starts_with(argon2id_prefix);
}

std::variant<PasswordHash, std::string> parse_password_hash(std::string_view text) {
    if (text.starts_with(sha512_prefix)) {
        return parse_salt_and_hash({}, text.substr(sha512_prefix.size()));
    }
    if (text.starts_with(pbkdf2_prefix)) {
        return parse_pbkdf2(text.substr(pbkdf2_prefix.size()));
    }
    if (text.starts_with(argon2id_prefix)) {
        return parse_argon2id(text.substr(argon2id_prefix.size()));
    }
    return "no hash of a known form, expected one that begins with $argon2id$, $7$ or $6$";
}

std::optional<bool> is_password(const PasswordHash& expected, std::string_view password) {
    std::string made;
    switch (expected.scheme) {
        case PasswordScheme::sha512: {
            std::string text(password);
            text += expected.salt;
            made = sha512(text);
            wipe(text);
            break;
        }
        case PasswordScheme::pbkdf2_sha512:
            made = pbkdf2_sha512(password, expected.salt, expected.iterations);
            break;
        case PasswordScheme::argon2id: {
            auto hashed = argon2id(expected, password);
            if (!hashed) {
                return std::nullopt;
            }
            made = std::move(*hashed);
            break;
        }
    }
    return is_equal_in_constant_time(made, expected.hash);
}

std::string make_password_hash(PasswordScheme scheme, std::string_view password) {
    if (scheme == PasswordScheme::pbkdf2_sha512) {
        const std::string salt = random_bytes(pbkdf2_salt_size);
        return fmt::format("{}{}${}${}", pbkdf2_prefix, pbkdf2_iterations, to_base64(salt),
                           to_base64(pbkdf2_sha512(password, salt, pbkdf2_iterations)));
    }
    MARTLET_ASSERT(scheme == PasswordScheme::argon2id);
    PasswordHash how;
    how.scheme = PasswordScheme::argon2id;
    how.memory_kib = argon2_memory_kib;
    how.iterations = argon2_passes;
    how.lanes = argon2_lanes;
    how.salt = random_bytes(argon2_salt_size);
    how.hash.resize(argon2_hash_size);
    const auto made = argon2id(how, password);
    MARTLET_ASSERT(made.has_value());
    return fmt::format("{}v=19$m={},t={},p={}${}${}", argon2id_prefix, how.memory_kib,
                       how.iterations, how.lanes, to_unpadded_base64(how.salt),
                       to_unpadded_base64(*made));
}

}  // namespace martlet::security
