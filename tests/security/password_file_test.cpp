#include "server/security/password_file.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace martlet::security;

namespace {

const std::string hash_a =
    "$7$101$fz0H8FYOBTz4/31O$0poe8tVM3S4WdOMaaJ/YcSUxDBIVx7vMzYfL/BBtcs+d7RrlHTYltY3U+LBjtV+"
    "APooivkVHQFzIkzmFrQUSeg==";
const std::string hash_b =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

PasswordFile file_of(std::string_view text) {
    auto parsed = parse_password_file(text);
    REQUIRE(std::holds_alternative<PasswordFile>(parsed));
    return std::get<PasswordFile>(std::move(parsed));
}

FileFaults faults_of(std::string_view text) {
    auto parsed = parse_password_file(text);
    REQUIRE(std::holds_alternative<FileFaults>(parsed));
    return std::get<FileFaults>(std::move(parsed));
}

}  // namespace

TEST_CASE("password file: comments and empty lines are skipped and blanks are no part of a name") {
    const PasswordFile file = file_of("# users\n\n  \njoe:" + hash_a + "\r\n anna b : " + hash_b +
                                      " \n#gone:" + hash_a + "\n");
    CHECK(file.size() == 2);
    REQUIRE(file.find("joe") != nullptr);
    CHECK(is_password(file.find("joe")->hash, "secret") == true);
    CHECK(is_password(file.find("anna b")->hash, "password") == true);
    CHECK(file.find("gone") == nullptr);
    CHECK(file.find("") == nullptr);
}

TEST_CASE("password file: every line that is wrong is told with its number") {
    const FileFaults faults =
        faults_of("joe:plain\nok:" + hash_a + "\nnobody\n:" + hash_a + "\nann:\nok:" + hash_b +
                  "\nbob:$7$0$fz0H8FYOBTz4/31O$AAAA\nb\x01:" + hash_a + "\n\xFF:" + hash_a);
    std::string lines;
    for (const FileFault& fault : faults) {
        lines += std::to_string(fault.line) + " ";
        CHECK(fault.what.find("plain") == std::string::npos);
    }
    CHECK(lines == "1 3 4 5 6 7 8 9 ");
    CHECK(faults[0].what.find("martlet passwd -U") != std::string::npos);
}

TEST_CASE("password file: a line's tag changes with the line") {
    const PasswordFile before = file_of("a:" + hash_a + "\nb:" + hash_a + "\n");
    const PasswordFile after = file_of("# moved\na:" + hash_b + "\nb:" + hash_a + "\n");
    CHECK(before.find("a")->tag != after.find("a")->tag);
    CHECK(before.find("b")->tag == after.find("b")->tag);
}

TEST_CASE("password file: for somebody unknown there is a decoy that stays the same") {
    const PasswordFile file = file_of("a:" + hash_a + "\n");
    CHECK(file.decoy("x").hash == file.find("a")->hash.hash);
    CHECK(&file.decoy("x") == &file.decoy("x"));
    CHECK(is_password(PasswordFile().decoy("x"), "") == false);
}

TEST_CASE("password file: one that cannot be read is a fault without a line") {
    const auto loaded = load_password_file("/does/not/exist");
    REQUIRE(std::holds_alternative<FileFaults>(loaded));
    CHECK(std::get<FileFaults>(loaded)[0].line == 0);
    CHECK(std::holds_alternative<FileFaults>(load_password_file("/")));
}
