// Hashes against lines that others made: Debian's mosquitto_passwd 2.0.11 for $7$, the reference
// implementation's test vectors for argon2id.
#include "server/security/password_hash.hpp"

#include <doctest/doctest.h>

#include <string>

#include "server/security/crypto.hpp"

using namespace martlet::security;

namespace {

std::optional<bool> is_password_of(std::string_view line, std::string_view password) {
    const auto parsed = parse_password_hash(line);
    REQUIRE(std::holds_alternative<PasswordHash>(parsed));
    return is_password(std::get<PasswordHash>(parsed), password);
}

std::string problem_of(std::string_view line) {
    const auto parsed = parse_password_hash(line);
    const auto* problem = std::get_if<std::string>(&parsed);
    return problem == nullptr ? "" : *problem;
}

constexpr std::string_view pbkdf2_secret =
    "$7$101$fz0H8FYOBTz4/31O$0poe8tVM3S4WdOMaaJ/YcSUxDBIVx7vMzYfL/BBtcs+d7RrlHTYltY3U+LBjtV+"
    "APooivkVHQFzIkzmFrQUSeg==";

}  // namespace

TEST_CASE("password hash: PBKDF2 as mosquitto_passwd writes it") {
    CHECK(is_password_of(pbkdf2_secret, "secret") == true);
    CHECK(is_password_of(pbkdf2_secret, "secreT") == false);
    CHECK(is_password_of(pbkdf2_secret, "") == false);
    CHECK(is_password_of("$7$101$pDPTij0d6Ror1Zqq$JbGBzDBxf3yJ6sEJ5FmfaukdTxkFeT/ywgC1n9ZT7y1+XB7I9"
                         "LyHBlOUBqHPJE+w3FIxvld0JOH962MKBP0Qxg==",
                         "pässwort: with colon") == true);
}

TEST_CASE("password hash: SHA-512 over password and salt as mosquitto 1.6 wrote it") {
    constexpr std::string_view line =
        "$6$AAECAwQFBgcICQoL$JqsxEv/ucyxjA5DKsQ+Y8CDWaQDNQI9FpAkmfwAqWfwZLk/"
        "JEGgM0EpylrJHAZKKyFQjJeZ3nFaHjPzOzPPmPw==";
    CHECK(is_password_of(line, "secret") == true);
    CHECK(is_password_of(line, "secret ") == false);
}

TEST_CASE("password hash: the vectors of the reference implementation of argon2id") {
    for (const std::string_view line :
         {"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
          "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
          "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"}) {
        CAPTURE(line);
        CHECK(is_password_of(line, "password") == true);
        CHECK(is_password_of(line, "differentpassword") == false);
    }
}

TEST_CASE("password hash: a new one is argon2id at the cost that OWASP asks for and salted anew") {
    const std::string line = make_password_hash(PasswordScheme::argon2id, "pencil");
    CHECK(line.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    CHECK(is_password_of(line, "pencil") == true);
    CHECK(is_password_of(line, "pen") == false);
    CHECK(make_password_hash(PasswordScheme::argon2id, "pencil") != line);
}

TEST_CASE("password hash: one for mosquitto 2 is PBKDF2 with the salt it wants") {
    const std::string line = make_password_hash(PasswordScheme::pbkdf2_sha512, "pencil");
    CHECK(line.starts_with("$7$210000$"));
    CHECK(std::get<PasswordHash>(parse_password_hash(line)).salt.size() == 12);
    CHECK(is_password_of(line, "pencil") == true);
}

TEST_CASE("password hash: a cost that would keep a worker busy is a fault") {
    CHECK(problem_of("$7$2000001$fz0H8FYOBTz4/31O$AAAA").find("iterations") != std::string::npos);
    CHECK(problem_of("$7$0$fz0H8FYOBTz4/31O$AAAA").find("iterations") != std::string::npos);
    CHECK(problem_of("$7$-1$fz0H8FYOBTz4/31O$AAAA").find("iterations") != std::string::npos);
    for (const std::string_view cost :
         {"m=1048577,t=1,p=1", "m=1048576,t=5,p=1", "m=4294967295,t=4294967295,p=1", "m=7,t=1,p=1",
          "m=256,t=0,p=1", "m=256,t=1,p=0", "m=65536,t=1,p=17"}) {
        CAPTURE(cost);
        const std::string line = "$argon2id$v=19$" + std::string(cost) +
                                 "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        CHECK(problem_of(line).find("cost") != std::string::npos);
    }
}

TEST_CASE("password hash: what is malformed is a fault that says what and not the hash") {
    for (const std::string_view line :
         {"", "plain", "$", "$5$a$b", "$6$", "$6$AAECAwQFBgcICQoL", "$6$AAECAwQFBgcICQoL$",
          "$6$AAECAwQFBgcICQoL$AAAA", "$6$%%%%$AAAA", "$7$101$fz0H8FYOBTz4/31O$AAAA=",
          "$7$101$$AAAA", "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$AAAA",
          "$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=256,t=2$c29tZXNhbHQ$AAAA",
          "$argon2id$v=19$m=256,t=2,p=1,x=1$c29tZXNhbHQ$AAAA",
          "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$AAAA",
          "$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
          "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$AAAA"}) {
        CAPTURE(line);
        CHECK(!problem_of(line).empty());
        CHECK(problem_of(line).find("c29t") == std::string::npos);
    }
}

TEST_CASE("crypto: Base64 without padding and in the alphabet of tokens") {
    CHECK(from_unpadded_base64("c29tZXNhbHQ") == "somesalt");
    CHECK(to_unpadded_base64("somesalt") == "c29tZXNhbHQ");
    CHECK(from_base64url("-_8") == from_base64("+/8="));
    for (const std::string_view bad : {"a", "YQ==", "+/8", "a b"}) {
        CAPTURE(bad);
        CHECK(from_base64url(bad) == std::nullopt);
    }
    CHECK(is_equal_in_constant_time("abc", "abc"));
    CHECK(!is_equal_in_constant_time("abc", "abd"));
    CHECK(!is_equal_in_constant_time("abc", "ab"));
}
