// What a server keeps of its users for SCRAM-SHA-256 (RFC 5802, RFC 7677): enough to check a proof,
// and of no use to log in with.
//
// A file has one user a line, `user:iterations:salt:StoredKey:ServerKey`, the last three in Base64;
// empty lines and lines that begin with # are skipped. A user name may have colons in it.
// Ownership: values. Threading: immutable once parsed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace martlet::security {

using ScramKey = std::array<unsigned char, 32>;

struct ScramCredentials {
    std::uint32_t iterations = 0;
    std::string salt;  // bytes
    ScramKey stored_key{};
    ScramKey server_key{};
};

using ScramUsers = std::map<std::string, ScramCredentials, std::less<>>;

// RFC 5802 asks for 4096 at least; beyond the maximum a client would be kept busy for seconds.
inline constexpr std::uint32_t scram_iterations_min = 4096;
inline constexpr std::uint32_t scram_iterations_max = 10'000'000;

struct ScramFileFault {
    std::size_t line = 0;  // 0: the file cannot be read
    std::string what;
};

std::variant<ScramUsers, ScramFileFault> parse_scram_users(std::string_view text);
std::variant<ScramUsers, ScramFileFault> load_scram_users(const std::string& path);

// Takes a while, as it should. The password is taken as it is (SASLprep would change nothing in
// ASCII).
ScramCredentials make_scram_credentials(std::string_view password, std::string_view salt,
                                        std::uint32_t iterations);
// What a client proves to have: its hash is the StoredKey. For tools and tests.
ScramKey make_scram_client_key(std::string_view password, std::string_view salt,
                               std::uint32_t iterations);
// The line of a file, without its end.
std::string to_line(std::string_view user, const ScramCredentials& credentials);

}  // namespace martlet::security
