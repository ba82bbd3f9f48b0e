#include "server/security/scram_credentials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <system_error>

#include "server/security/crypto.hpp"
#include "server/security/file_fault.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t fields_behind_user = 4;

std::optional<ScramKey> read_key(std::string_view text) {
    const auto bytes = from_base64(text);
    ScramKey key{};
    if (!bytes || bytes->size() != key.size()) {
        return std::nullopt;
    }
    std::copy(bytes->begin(), bytes->end(), key.begin());
    return key;
}

// Adds the user of one line; what is wrong with it otherwise. A fault never quotes the line: there
// are secrets in it.
std::string add_user(ScramUsers& users, std::string_view line) {
    std::array<std::string_view, fields_behind_user> fields;
    for (std::size_t i = fields.size(); i-- > 0;) {
        const std::size_t colon = line.rfind(':');
        if (colon == std::string_view::npos) {
            return "too few fields, expected user:iterations:salt:StoredKey:ServerKey";
        }
        fields[i] = line.substr(colon + 1);
        line = line.substr(0, colon);
    }
    if (line.empty()) {
        return "no user name, expected user:iterations:salt:StoredKey:ServerKey";
    }
    ScramCredentials credentials;
    const char* const end = fields[0].data() + fields[0].size();
    const auto number = std::from_chars(fields[0].data(), end, credentials.iterations);
    if (number.ec != std::errc{} || number.ptr != end ||
        credentials.iterations < scram_iterations_min ||
        credentials.iterations > scram_iterations_max) {
        return fmt::format("the iterations are not a number from {} to {}", scram_iterations_min,
                           scram_iterations_max);
    }
    const auto salt = from_base64(fields[1]);
    if (!salt || salt->empty()) {
        return "the salt is not in Base64";
    }
    credentials.salt = *salt;
    const auto stored_key = read_key(fields[2]);
    const auto server_key = read_key(fields[3]);
    if (!stored_key || !server_key) {
        return "a key is not 32 bytes in Base64";
    }
    credentials.stored_key = *stored_key;
    credentials.server_key = *server_key;
    return users.emplace(line, std::move(credentials)).second ? "" : "the user is there already";
}

}  // namespace

std::variant<ScramUsers, ScramFileFault> parse_scram_users(std::string_view text) {
    ScramUsers users;
    std::optional<ScramFileFault> first;
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        if (first || line.empty() || line.front() == '#') {
            return;
        }
        if (std::string what = add_user(users, line); !what.empty()) {
            first = ScramFileFault{number, std::move(what)};
        }
    });
    if (first) {
        return *std::move(first);
    }
    return users;
}

std::variant<ScramUsers, ScramFileFault> load_scram_users(const std::string& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open() || file.bad()) {
        return ScramFileFault{0, std::generic_category().message(errno)};
    }
    return parse_scram_users(text);
}

ScramKey make_scram_client_key(std::string_view password, std::string_view salt,
                               std::uint32_t iterations) {
    return hmac_sha256(as_text(pbkdf2_sha256(password, salt, iterations)), "Client Key");
}

ScramCredentials make_scram_credentials(std::string_view password, std::string_view salt,
                                        std::uint32_t iterations) {
    const ScramKey salted = pbkdf2_sha256(password, salt, iterations);
    ScramCredentials credentials;
    credentials.iterations = iterations;
    credentials.salt = salt;
    credentials.stored_key = sha256(as_text(hmac_sha256(as_text(salted), "Client Key")));
    credentials.server_key = hmac_sha256(as_text(salted), "Server Key");
    return credentials;
}

std::string to_line(std::string_view user, const ScramCredentials& credentials) {
    return fmt::format("{}:{}:{}:{}:{}", user, credentials.iterations, to_base64(credentials.salt),
                       to_base64(as_text(credentials.stored_key)),
                       to_base64(as_text(credentials.server_key)));
}

}  // namespace martlet::security
