// SCRAM-SHA-256 against the example of RFC 7677 and against clients that lie.
#include "server/security/scram.hpp"

#include <doctest/doctest.h>

#include "server/security/crypto.hpp"

using namespace martlet;
using namespace martlet::security;
using protocol::ReasonCode;

namespace {

// RFC 7677 section 3.
constexpr std::string_view rfc_salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr std::string_view rfc_server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view rfc_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view rfc_challenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view rfc_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view rfc_signature = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramUsers rfc_users() {
    ScramUsers users;
    users.emplace("user", make_scram_credentials("pencil", *from_base64(rfc_salt), 4096));
    return users;
}

ScramExchange rfc_exchange() {
    return {std::make_shared<const ScramUsers>(rfc_users()), std::string(rfc_server_nonce), "x"};
}

core::AuthenticationStep say(core::AuthenticationExchange& exchange, std::string_view message) {
    return *exchange.step(protocol::as_bytes(message));
}

bool is_refused(const core::AuthenticationStep& step) {
    return step.reason == ReasonCode::not_authorized && !step.data && !step.what.empty();
}

// The client's side: its final message, from the password.
std::string final_message(std::string_view password, std::string_view first_bare,
                          const std::string& challenge) {
    const std::size_t salt_at = challenge.find(",s=") + 3;
    const std::size_t salt_end = challenge.find(",i=");
    const std::string salt = *from_base64(challenge.substr(salt_at, salt_end - salt_at));
    const auto iterations = static_cast<std::uint32_t>(std::stoul(challenge.substr(salt_end + 3)));
    const std::string without_proof = "c=biws," + challenge.substr(0, salt_at - 3);
    const std::string auth = std::string(first_bare) + "," + challenge + "," + without_proof;
    // ClientKey is what the server must not know, so it is made apart.
    const ScramCredentials made = make_scram_credentials(password, salt, iterations);
    const ScramKey signature = hmac_sha256(as_text(made.stored_key), auth);
    ScramKey key = make_scram_client_key(password, salt, iterations);
    for (std::size_t i = 0; i < key.size(); ++i) {
        key[i] = static_cast<unsigned char>(key[i] ^ signature[i]);
    }
    return without_proof + ",p=" + to_base64(as_text(key));
}

}  // namespace

TEST_CASE("scram: the example of RFC 7677") {
    ScramExchange exchange = rfc_exchange();
    const auto challenge = say(exchange, rfc_first);
    CHECK(challenge.reason == ReasonCode::continue_authentication);
    CHECK(challenge.data == rfc_challenge);
    const auto end = say(exchange, rfc_final);
    CHECK(end.reason == ReasonCode::success);
    CHECK(end.identity.user_name == "user");
    CHECK(end.data == rfc_signature);
    CHECK(is_refused(say(exchange, rfc_final)));
}

TEST_CASE("scram: a client that begins without a message is asked for it") {
    ScramExchange exchange = rfc_exchange();
    const auto asked = *exchange.step(std::nullopt);
    CHECK(asked.reason == ReasonCode::continue_authentication);
    CHECK(!asked.data);
    CHECK(say(exchange, rfc_first).data == rfc_challenge);
}

TEST_CASE("scram: first messages that are refused") {
    for (const std::string_view message :
         {"p=tls-unique,,n=user,r=abc", "n,a=other,n=user,r=abc", "n,,n=user", "n,,r=abc,n=user",
          "n,,n=,r=abc", "n,,n=us=er,r=abc", "n,,n=user,r=", "n,,m=ext,n=user,r=abc",
          "n,,n=\xFF,r=abc", "n,,n=user,r=a\x01", "n", "x,,n=user,r=abc", "n,x,n=user,r=abc"}) {
        CAPTURE(message);
        ScramExchange exchange = rfc_exchange();
        CHECK(is_refused(say(exchange, message)));
        CHECK(is_refused(say(exchange, rfc_first)));  // there is no second try
    }
}

TEST_CASE("scram: final messages that are refused") {
    const std::string nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const std::string proof = ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    for (const std::string& message :
         {"c=biws," + nonce, "c=eSws," + nonce + proof, "c=biws,r=rOprNGfwEbeRWgbNEkqO" + proof,
          "c=biws," + nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVA=",
          "c=biws," + nonce + ",p=AAAA", "c=biws," + nonce + ",p=", std::string{},
          std::string(rfc_first)}) {
        CAPTURE(message);
        ScramExchange exchange = rfc_exchange();
        say(exchange, rfc_first);
        CHECK(is_refused(say(exchange, message)));
        CHECK(is_refused(say(exchange, rfc_final)));
    }
}

TEST_CASE("scram: an unknown user looks like a known one until the end") {
    ScramExchange exchange = rfc_exchange();
    const auto challenge = say(exchange, "n,,n=nobody,r=abc");
    CHECK(challenge.reason == ReasonCode::continue_authentication);
    CHECK(challenge.data->ends_with(",i=4096"));
    CHECK(challenge.data->size() ==
          rfc_challenge.size() - std::string_view("rOprNGfwEbeRWgbNEkqO").size() + 3);
    ScramExchange another = rfc_exchange();
    CHECK(say(another, "n,,n=nobody,r=abc").data == challenge.data);
    CHECK(is_refused(say(exchange, final_message("", "n=nobody,r=abc", *challenge.data))));
}

TEST_CASE("scram: names with a comma and an equals sign and beyond ASCII") {
    ScramUsers users;
    users.emplace("a,b=c\xC3\xBC", make_scram_credentials("secret", "salt", 5000));
    ScramExchange exchange(std::make_shared<const ScramUsers>(users), "server", "x");
    const std::string bare = "n=a=2Cb=3Dc\xC3\xBC,r=abc";
    const auto challenge = say(exchange, "n,," + bare);
    CHECK(challenge.data == "r=abcserver,s=c2FsdA==,i=5000");
    const auto end = say(exchange, final_message("secret", bare, *challenge.data));
    CHECK(end.reason == ReasonCode::success);
    CHECK(end.identity.user_name == "a,b=c\xC3\xBC");
}

TEST_CASE("scram: a file of users is read as it was written") {
    const ScramUsers users = rfc_users();
    const std::string text = "# users\n\n" + to_line("user", users.at("user")) + "\r\n" +
                             to_line("with:colon", users.at("user"));
    const auto parsed = parse_scram_users(text);
    REQUIRE(std::holds_alternative<ScramUsers>(parsed));
    const auto& read = std::get<ScramUsers>(parsed);
    CHECK(read.size() == 2);
    CHECK(to_line("user", read.at("user")) == to_line("user", users.at("user")));
    CHECK(read.contains("with:colon"));
}

TEST_CASE("scram: a mistake in a file of users is told with its line") {
    const std::string good = to_line("user", rfc_users().at("user"));
    const auto fault = [](const std::string& text) {
        const auto parsed = parse_scram_users(text);
        const auto* found = std::get_if<ScramFileFault>(&parsed);
        return found == nullptr ? "" : std::to_string(found->line) + " " + found->what;
    };
    CHECK(fault(good + "\nuser:4096:c2FsdA==:AAAA:AAAA") == "2 a key is not 32 bytes in Base64");
    CHECK(fault(good + "\n" + good) == "2 the user is there already");
    CHECK(fault("user:secret").starts_with("1 too few fields"));
    CHECK(fault(":4096:c2FsdA==:AAAA:AAAA").starts_with("1 no user name"));
    CHECK(fault("u:4095:c2FsdA==:AAAA:AAAA").starts_with("1 the iterations"));
    CHECK(fault("u:4096x:c2FsdA==:AAAA:AAAA").starts_with("1 the iterations"));
    CHECK(fault("u:4096:c2F:AAAA:AAAA") == "1 the salt is not in Base64");
    CHECK(std::get<ScramFileFault>(load_scram_users("/nonexistent/users")).line == 0);
}

TEST_CASE("base64: only what is whole is taken") {
    CHECK(from_base64("") == "");
    CHECK(from_base64("YQ==") == "a");
    CHECK(from_base64("YWI=") == "ab");
    CHECK(from_base64("YWJj") == "abc");
    for (const std::string_view bad :
         {"Y", "YQ", "YQ=", "=", "====", "YQ==YQ==", "Y Q=", "YQ==\n"}) {
        CAPTURE(bad);
        CHECK(from_base64(bad) == std::nullopt);
    }
}
