#include "server/security/credential.hpp"

#include "protocol/assert.hpp"
#include "server/security/crypto.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t head_size = 3;
constexpr std::string_view kinds = "acpst";

}  // namespace

std::string to_text(const Credential& credential) {
    MARTLET_ASSERT(credential.tag.empty() || credential.tag.size() == tag_size);
    std::string text;
    text.reserve(head_size + tag_size + credential.claims.size());
    text += static_cast<char>(credential.kind);
    text += static_cast<char>(credential.listener >> 8U);
    text += static_cast<char>(credential.listener & 0xFFU);
    text += credential.tag;
    text.resize(head_size + tag_size, '\0');
    text += credential.claims;
    return text;
}

std::optional<Credential> read_credential(std::string_view text) {
    if (text.size() < head_size + tag_size || kinds.find(text.front()) == std::string_view::npos) {
        return std::nullopt;
    }
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    Credential credential;
    credential.kind = static_cast<ProofKind>(text.front());
    credential.listener = static_cast<std::uint16_t>(byte(1) << 8U | byte(2));
    credential.tag = text.substr(head_size, tag_size);
    credential.claims = text.substr(head_size + tag_size);
    return credential;
}

std::string make_tag(std::string_view secret) {
    const ScramKey digest = sha256(secret);
    return std::string(as_text(digest).substr(0, tag_size));
}

}  // namespace martlet::security
