// Tokens: the examples of RFC 7515, one that openssl(1) signed, and many that are wrong.
#include "server/security/token_verifier.hpp"

#include <doctest/doctest.h>

#include <string>

#include "server/security/crypto.hpp"
#include "server/security/topic_claims.hpp"

using namespace martlet::security;
using namespace std::chrono_literals;

namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::string_view secret = "a secret of thirty-two bytes, or more";
constexpr Time now{2'000'000'000s};

constexpr std::string_view rsa_key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqG0MEWOjxnNcWCgbiMkb\n"
    "thqQA4tTaRvKUMYvY05mGCoRzR4ImO9kdSFbso6qkcfd4dEBgrGyjKV7WJ3KlKal\n"
    "H+lKfBhuaSiKmZqaoz1vAa9j0WCH1Mm3EUVokJrwiJNuop2jlRez0qTbcqxo1f6Q\n"
    "GQ+gX8nWCBrMPxClEatIE2CWFvbDixvutDNOd8hAZaG71sS1HodSMaSvzeIcI3cn\n"
    "7YZpyOJN1QhDzZFEDPLsqjBg+iMYHQEWWefowfgVrsgMsYKrFTTuclmlvkm9i9RS\n"
    "NQaNzRRsRkARXArp9z1Db1RBPwnu8WMuaOt9P7k6acGNm+yYxUxmzA/eolw71uh9\n"
    "oQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view short_rsa_key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC2VW/8JodfexTa8Rh4PJzYT0RF\n"
    "se5r8YwS5fAqSkaOnS5ZuG9Jb9vX1Voyt49BXVYNyEJWwawyW0usGrsZQwoMbExc\n"
    "58gUMIEmnsUrWTzwxWZ2MXJd2yZV4pPf2AKfuY8O6038Zc0Nl57vmg93EoRkDuBU\n"
    "/6xCJuz4zHfAdxrl5QIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
// {"alg":"RS256","typ":"JWT"} {"sub":"meter-7","exp":2000000000,"aud":["mqtt","x"]}
constexpr std::string_view rsa_token =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiJtZXRlci03IiwiZXhwIjoyMDAwMDAwMDAwLCJhdWQiOlsibXF0dCIsIngiXX0."
    "QYOswXuUhRaKBNHgVqkiWGiGM3NozrWEEPQAM03Pg413RSdqjomrlptraFdQqdLzy5N1qOuDvKZZ5QHXWNKa5vCz2w5Q_"
    "Q_6OTDTN52NqiFbizTm_3SGXliFGaiIElXuP_H6dfMEwNtLJbdNXavoLRETc8niL-26IBoYJuYquZPM7KQchV2iSHD-"
    "EaBwbBrsJT145JLSZxMRrXfN0-jq7esMlRN0_"
    "nfDlAk8AG97O51MsslhJbOSdVIZBGqWAIj33kRSXVYklalyEeVnZCiwBNT"
    "_zK451cUOeZe6s5z91B0WXL50XA5YKX9Kb6D8niLXABfHjIU1yzI4iaLV52xyMw";
// RFC 7515 A.3.1, the key in PEM.
constexpr std::string_view ec_key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";
// RFC 7515 A.1 and A.3: the same payload.
constexpr std::string_view rfc_payload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

TokenKey key_of(TokenAlgorithm algorithm, std::string_view text) {
    auto parsed = TokenKey::parse(algorithm, text);
    REQUIRE(std::holds_alternative<TokenKey>(parsed));
    return std::get<TokenKey>(std::move(parsed));
}

std::string base64url(std::string_view text) {
    std::string made = to_unpadded_base64(text);
    for (char& character : made) {
        character = character == '+' ? '-' : character == '/' ? '_' : character;
    }
    return made;
}

std::string signed_token(std::string_view claims,
                         std::string_view header = R"({"alg":"HS256","typ":"JWT"})") {
    const std::string text = base64url(header) + "." + base64url(claims);
    return text + "." + base64url(as_text(hmac_sha256(secret, text)));
}

TokenVerifier verifier(TokenVerifier::Expectations expected = {}) {
    return {key_of(TokenAlgorithm::hs256, secret), std::move(expected)};
}

// What is said against a token, or "".
std::string fault_of(const TokenVerifier& by, std::string_view token, Time at = now) {
    const auto verified = by.verify(token, at);
    const auto* fault = std::get_if<TokenFault>(&verified);
    return fault == nullptr ? "" : std::string(fault->what);
}

}  // namespace

TEST_CASE("token: the signatures of RFC 7515") {
    const std::string secret_bytes = *from_base64url(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    const TokenKey hmac = key_of(TokenAlgorithm::hs256, secret_bytes);
    const std::string hmac_text =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + std::string(rfc_payload);
    const std::string hmac_signature =
        *from_base64url("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    CHECK(hmac.is_signature(hmac_text, hmac_signature));
    CHECK(!hmac.is_signature(hmac_text + "x", hmac_signature));

    const TokenKey ec = key_of(TokenAlgorithm::es256, ec_key);
    const std::string ec_text = "eyJhbGciOiJFUzI1NiJ9." + std::string(rfc_payload);
    std::string ec_signature = *from_base64url(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
    CHECK(ec.is_signature(ec_text, ec_signature));
    CHECK(!ec.is_signature(ec_text + "x", ec_signature));
    CHECK(!ec.is_signature(ec_text, ec_signature.substr(1)));
    CHECK(!ec.is_signature(ec_text, std::string(64, '\0')));
    CHECK(!ec.is_signature(ec_text, ""));
}

TEST_CASE("token: one that openssl signed with RSA") {
    const TokenVerifier by(key_of(TokenAlgorithm::rs256, rsa_key), {.audience = "mqtt"});
    const auto verified = by.verify(rsa_token, now - 10s);
    REQUIRE(std::holds_alternative<Token>(verified));
    CHECK(std::get<Token>(verified).subject == "meter-7");
    CHECK(std::get<Token>(verified).valid_for == 10s + token_leeway);
    std::string other(rsa_token);
    other[50] = other[50] == 'A' ? 'B' : 'A';
    CHECK(fault_of(by, other) == "the token's signature is wrong");
}

TEST_CASE("token: who and until when") {
    const auto verified =
        verifier().verify(signed_token(R"({"sub":"joe","exp":2000000100.5})"), now);
    REQUIRE(std::holds_alternative<Token>(verified));
    const Token& token = std::get<Token>(verified);
    CHECK(token.subject == "joe");
    CHECK(token.valid_for == 101s + token_leeway);
    CHECK(TopicClaims(token.claims).permits("any", right_write));
}

TEST_CASE("token: times are obeyed with a little leeway") {
    const TokenVerifier by = verifier();
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":1999999980})")) == "");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":1999999970})")) == "the token has expired");
    CHECK(fault_of(by, signed_token(R"({"sub":"a"})")) == "a token without an end (exp)");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":"2000000100"})")) ==
          "a token without an end (exp)");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":1e400})")) != "");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":1e300})")) == "");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":-5})")) == "the token has expired");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":2000000100,"nbf":2000000020})")) == "");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":2000000100,"nbf":2000000040})")) ==
          "the token is not valid yet");
    CHECK(fault_of(by, signed_token(R"({"sub":"a","exp":2000000100,"nbf":[]})")) ==
          "the token is not valid yet");
}

TEST_CASE("token: issuer and audience where they are asked for") {
    const std::string bare = signed_token(R"({"sub":"a","exp":2000000100})");
    const std::string full =
        signed_token(R"({"sub":"a","exp":2000000100,"iss":"me","aud":["x","mqtt"]})");
    CHECK(fault_of(verifier({.issuer = "me"}), full) == "");
    CHECK(fault_of(verifier({.issuer = "you"}), full) == "the token is from another issuer");
    CHECK(fault_of(verifier({.issuer = "me"}), bare) == "the token is from another issuer");
    CHECK(fault_of(verifier({.audience = "mqtt"}), full) == "");
    CHECK(fault_of(verifier({.audience = "m"}), full) == "the token is for another audience");
    CHECK(fault_of(verifier({.audience = "mqtt"}), bare) == "the token is for another audience");
}

TEST_CASE("token: the algorithm is the configuration's whatever the token says") {
    const std::string claims = R"({"sub":"a","exp":2000000100})";
    for (const char* header : {R"({"alg":"none"})", R"({"alg":"RS256"})", R"({"alg":"hs256"})",
                               "{}", "[]", "x", R"({"alg":"HS256","crit":["exp"]})"}) {
        CAPTURE(header);
        CHECK(fault_of(verifier(), signed_token(claims, header)) ==
              "the token is for another algorithm");
    }
    const std::string unsigned_token =
        base64url(R"({"alg":"none"})") + "." + base64url(claims) + ".";
    CHECK(fault_of(verifier(), unsigned_token) == "the token's signature is wrong");
    // Signed with the public key as a secret, which everybody can do.
    const TokenVerifier rsa(key_of(TokenAlgorithm::rs256, rsa_key), {});
    const std::string text = base64url(R"({"alg":"HS256"})") + "." + base64url(claims);
    CHECK(fault_of(rsa, text + "." + base64url(as_text(hmac_sha256(rsa_key, text)))) ==
          "the token's signature is wrong");
}

TEST_CASE("token: what is malformed is refused") {
    const TokenVerifier by = verifier();
    for (const std::string_view claims :
         {"", "{", "[]", R"({"exp":2000000100})", R"({"sub":"","exp":2000000100})",
          R"({"sub":7,"exp":2000000100})", R"({"sub":"a\u0001","exp":2000000100})",
          R"({"sub":"a","exp":2000000100,"publ":"a"})",
          R"({"sub":"a","exp":2000000100,"publ":[7]})",
          R"({"sub":"a","exp":2000000100,"subs":["a/#/b"]})",
          R"({"a":[[[[[[[[[[[[]]]]]]]]]]]],"sub":"a","exp":2000000100})"}) {
        CAPTURE(claims);
        CHECK(fault_of(by, signed_token(claims)) != "");
    }
    for (const std::string_view text : {"", ".", "..", "a.b", "eyJ.eyJ.", "eyJ.eyJ.*"}) {
        CAPTURE(text);
        CHECK(fault_of(by, text) != "");
    }
    CHECK(TokenVerifier::looks_like_token(signed_token("{}")));
    CHECK(!TokenVerifier::looks_like_token("a password. with dots."));
}

TEST_CASE("token: publ and subs restrict what may be done") {
    const auto verified = verifier().verify(
        signed_token(R"({"sub":"a","exp":2000000100,"publ":["out/#"],"subs":[]})"), now);
    const Token& token = std::get<Token>(verified);
    CHECK(TopicClaims(token.claims).permits("out/1", right_write));
    CHECK(!TopicClaims(token.claims).permits("in/1", right_write));
    CHECK(!TopicClaims(token.claims).permits("out/1", right_read));
}

TEST_CASE("token key: what is unfit for the algorithm is a fault") {
    const auto fault = [](TokenAlgorithm algorithm, std::string_view text) {
        const auto parsed = TokenKey::parse(algorithm, text);
        const auto* found = std::get_if<FileFault>(&parsed);
        return found == nullptr ? "" : found->what;
    };
    CHECK(fault(TokenAlgorithm::hs256, "short").find("32") != std::string::npos);
    CHECK(fault(TokenAlgorithm::hs256, rsa_key).find("PEM") != std::string::npos);
    CHECK(fault(TokenAlgorithm::rs256, secret).find("PEM") != std::string::npos);
    CHECK(fault(TokenAlgorithm::rs256, short_rsa_key).find("2048") != std::string::npos);
    CHECK(fault(TokenAlgorithm::rs256, ec_key).find("RSA") != std::string::npos);
    CHECK(fault(TokenAlgorithm::es256, rsa_key).find("P-256") != std::string::npos);
    const std::string with_end = std::string(secret) + "\n";
    CHECK(key_of(TokenAlgorithm::hs256, with_end).tag() ==
          key_of(TokenAlgorithm::hs256, secret).tag());
    CHECK(key_of(TokenAlgorithm::rs256, rsa_key).tag() !=
          key_of(TokenAlgorithm::es256, ec_key).tag());
}
