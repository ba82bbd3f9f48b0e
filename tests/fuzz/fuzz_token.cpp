// Tokens: whatever stands in one, signed or not, it is a user who may be called so and a time that
// is not over, or a fault.
#include <string>

#include "server/security/crypto.hpp"
#include "server/security/password_file.hpp"
#include "server/security/token_verifier.hpp"
#include "server/security/topic_claims.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::security;

namespace {

constexpr std::string_view secret = "a secret of thirty-two bytes, or more";
constexpr std::chrono::system_clock::time_point now{std::chrono::seconds(2'000'000'000)};

std::string base64url(std::string_view text) {
    std::string made = to_unpadded_base64(text);
    for (char& character : made) {
        character = character == '+' ? '-' : character == '/' ? '_' : character;
    }
    return made;
}

std::string sign(const std::string& text) {
    return text + "." + base64url(as_text(hmac_sha256(secret, text)));
}

void check(const TokenVerifier& verifier, std::string_view text) {
    const auto verified = verifier.verify(text, now);
    if (const auto* fault = std::get_if<TokenFault>(&verified)) {
        FUZZ_CHECK(!fault->what.empty());
        return;
    }
    const Token& token = std::get<Token>(verified);
    FUZZ_CHECK(why_no_user_name(token.subject).empty());
    FUZZ_CHECK(token.valid_for.count() > 0);
    const TopicClaims claims(token.claims);
    for (const std::string_view topic : {"a", "a/b", "$SYS/x"}) {
        FUZZ_CHECK(!claims.may_read_all(topic) || claims.permits(topic, right_read));
        FUZZ_CHECK(claims.may_subscribe(topic) || !claims.permits(topic, right_read));
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const TokenVerifier verifier(
        std::get<TokenKey>(TokenKey::parse(TokenAlgorithm::hs256, secret)), {});
    const std::string_view text = martlet::fuzz::text_of(data, size);
    check(verifier, text);
    const std::string header = base64url(R"({"alg":"HS256"})");
    check(verifier, sign(header + "." + base64url(text)));
    check(verifier, sign(base64url(text) + "." + base64url(R"({"sub":"a","exp":3000000000})")));
    return 0;
}
