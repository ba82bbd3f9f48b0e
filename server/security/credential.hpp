// How an identity was proved, as Identity::credential remembers it: so that a reload can ask
// whether it still would be, and which access list it is subject to.
//
// The text: a letter for the kind, the listener in two bytes, a tag of fixed size (of the line or
// the key it was proved with; zeros where there is none), then what a token itself permits.
// Lifetime: Credential borrows the text. Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace martlet::security {

enum class ProofKind : char {
    anonymous = 'a',
    certificate = 'c',
    password = 'p',
    scram = 's',
    token = 't',
};

inline constexpr std::size_t tag_size = 16;

struct Credential {
    ProofKind kind{};
    std::uint16_t listener = 0;
    std::string_view tag{};     // tag_size bytes, or empty for zeros
    std::string_view claims{};  // see topic_claims.hpp; empty: none
};

std::string to_text(const Credential& credential);
// Nothing for text that to_text() did not make: of a session that was restored and whose owner has
// not been here since.
std::optional<Credential> read_credential(std::string_view text);

// Differs when the secret differs and does not tell it.
std::string make_tag(std::string_view secret);

}  // namespace martlet::security
