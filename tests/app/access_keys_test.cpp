// The keys that name files of users and rights: every mistake in those is told with its place, and
// what is good reaches the listener it is meant for.
#include <doctest/doctest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv is POSIX

#include <algorithm>
#include <string>
#include <variant>

#include "server/app/access_files.hpp"
#include "server/app/config_file.hpp"
#include "server/app/config_paths.hpp"
#include "server/app/config_reload.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace martlet;
using namespace martlet::app;

namespace {

const std::string hash =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

ConfigResult parse(const std::string& text) {
    return parse_config(text, "x.conf", {});
}

}  // namespace

TEST_CASE("access keys: every mistake in the files is told with file and line") {
    const tests::TemporaryDirectory directory;
    const std::string users = directory.write("users", "joe:" + hash + "\nann:x\nbob\n");
    const std::string rights = directory.write("acl", "topic raed a\nuser joe\nok\n");
    const ConfigResult result =
        parse("listener 1883\npassword_file " + users + "\nacl_file " + rights + "\n");
    REQUIRE(result.errors.size() == 4);
    CHECK(result.errors[0].starts_with("x.conf:2: password_file: " + users + ":2: "));
    CHECK(result.errors[1].starts_with("x.conf:2: password_file: " + users + ":3: "));
    CHECK(result.errors[2].starts_with("x.conf:3: acl_file: " + rights + ":1: "));
    CHECK(result.errors[3].starts_with("x.conf:3: acl_file: " + rights + ":3: "));
}

TEST_CASE("access keys: a file of something else does not fill the screen") {
    const tests::TemporaryDirectory directory;
    std::string text;
    for (int line = 0; line < 100; ++line) {
        text += "nothing of the kind\n";
    }
    const std::vector<std::string> mistakes =
        mistakes_in_password_file(directory.write("users", text));
    CHECK(mistakes.size() == 21);
    CHECK(mistakes.back().ends_with("80 more mistakes"));
    CHECK(mistakes_in_acl_file("/does/not/exist")[0].starts_with("cannot read"));
}

TEST_CASE("access keys: they are the whole file's unless each listener has its own") {
    const tests::TemporaryDirectory directory;
    const std::string users = directory.write("users", "joe:" + hash + "\n");
    const std::string rights = directory.write("acl", "topic a\n");
    const ConfigResult shared =
        parse("password_file " + users + "\nlistener 1883\nlistener 1884\nacl_file " + rights);
    REQUIRE(shared.is_ok());
    CHECK(shared.config.listeners[0].password_file == users);
    CHECK(shared.config.listeners[1].password_file == users);
    CHECK(shared.config.listeners[0].acl_file == rights);
    const ConfigResult own = parse("per_listener_settings true\nlistener 1883\npassword_file " +
                                   users + "\nlistener 1884\nacl_file " + rights);
    REQUIRE(own.is_ok());
    CHECK(own.config.listeners[0].password_file == users);
    CHECK(own.config.listeners[1].password_file.empty());
    CHECK(own.config.listeners[0].acl_file.empty());
    const auto loaded = load_access(own.config);
    REQUIRE(std::holds_alternative<security::AccessSetup>(loaded));
    const auto& listeners = std::get<security::AccessSetup>(loaded).listeners;
    CHECK(listeners[0].passwords != nullptr);
    CHECK(listeners[0].acl == nullptr);
    CHECK(listeners[1].passwords == nullptr);
    CHECK(listeners[1].acl != nullptr);
}

TEST_CASE("access keys: a file that everybody may read is minded") {
    const tests::TemporaryDirectory directory;
    const std::string users = directory.write("users", "joe:" + hash + "\n");
    std::filesystem::permissions(users, std::filesystem::perms(0644));
    const ConfigResult open = parse("password_file " + users);
    REQUIRE(open.notices.size() == 1);
    CHECK(open.notices[0].starts_with("x.conf:1: password_file: "));
    std::filesystem::permissions(users, std::filesystem::perms(0640));
    CHECK(parse("password_file " + users).notices.empty());
}

TEST_CASE("access keys: what tokens are checked with") {
    const tests::TemporaryDirectory directory;
    const std::string key = directory.write("key", "a secret of thirty-two bytes, or more\n");
    const ConfigResult good = parse("jwt_key_file " + key + "\njwt_issuer me\njwt_audience mqtt\n");
    REQUIRE(good.is_ok());
    CHECK(good.config.listeners[0].jwt_algorithm == "HS256");
    CHECK(good.config.listeners[0].jwt_issuer == "me");
    CHECK(good.config.listeners[0].jwt_audience == "mqtt");
    CHECK(parse("jwt_algorithm none\n").errors[0] ==
          "x.conf:1: jwt_algorithm: \"none\" is not known, expected HS256, RS256 or ES256");
    CHECK(parse("jwt_issuer me\n").errors[0] ==
          "x.conf:1: jwt_issuer: no jwt_key_file, expected it with this");
    CHECK(parse("jwt_key_file " + key + "\njwt_algorithm RS256\n")
              .errors[0]
              .starts_with("x.conf:1: jwt_key_file: "));
}

TEST_CASE("access keys: bans and workers have limits") {
    const ConfigResult result = parse("auth_failures_max 0\nauth_ban_s 5\npassword_workers 3\n");
    REQUIRE(result.is_ok());
    CHECK(result.config.auth_failures_max == 0);
    CHECK(result.config.auth_ban == std::chrono::seconds(5));
    CHECK(result.config.password_workers == 3);
    CHECK(Config{}.auth_failures_max == 20);
    CHECK(parse("password_workers 65\n").errors.size() == 1);
    CHECK(keys_needing_restart(parse("").config, result.config) ==
          std::vector<std::string>{"password_workers"});
}

TEST_CASE("paths: a variable at the beginning is replaced and one that is not there is told") {
    REQUIRE(setenv("MARTLET_TEST_DIR", "/run/secrets", 1) == 0);  // NOLINT(concurrency-mt-unsafe)
    const auto text = [](std::string_view value) {
        auto read = read_path(value);
        const auto* problem = std::get_if<ValueProblem>(&read);
        return problem == nullptr ? std::get<std::string>(read) : problem->text;
    };
    CHECK(text("${MARTLET_TEST_DIR}/users") == "/run/secrets/users");
    CHECK(text("/etc/${MARTLET_TEST_DIR}/users") == "/etc/${MARTLET_TEST_DIR}/users");
    CHECK(text("$MARTLET_TEST_DIR/users") == "$MARTLET_TEST_DIR/users");
    CHECK(text("${}/users") == "${}/users");
    CHECK(text("${MARTLET_NOT_THERE}/users") ==
          "there is no \"MARTLET_NOT_THERE\" in the environment, expected a directory");
    CHECK(text("") == "no value, expected one behind the key");
}
