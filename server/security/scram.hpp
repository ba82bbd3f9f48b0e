// SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side: proves to each that the other knows the
// password, without it or anything that could replace it on the wire. A login costs a few HMACs, so
// it runs where the connection is.
//
// No channel binding. An unknown user is answered like a known one, with a salt that stays the
// same, and refused at the end.
//
// Lifetime: one conversation; it keeps the users it began with. Threading: its connection's shard.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/enhanced_authentication.hpp"
#include "server/security/scram_credentials.hpp"

namespace martlet::security {

inline constexpr std::string_view scram_sha_256 = "SCRAM-SHA-256";

class ScramExchange final : public core::AuthenticationExchange {
public:
    // `nonce` is the server's part, random and printable; from `decoy_secret` come the salts of
    // users that do not exist.
    ScramExchange(std::shared_ptr<const ScramUsers> users, std::string nonce,
                  std::string_view decoy_secret);

    std::optional<core::AuthenticationStep> step(std::optional<protocol::Bytes> data) override;

private:
    enum class State { first, final, over };

    core::AuthenticationStep take_first(std::string_view message);
    core::AuthenticationStep take_final(std::string_view message);
    void choose_credentials(const std::string& decoy_secret);
    bool proves_password(std::string_view proof, std::string_view auth_message) const;
    core::AuthenticationStep refuse(std::string_view what);

    std::shared_ptr<const ScramUsers> users_;
    std::string nonce_;  // the server's part, then both
    std::string decoy_secret_;
    State state_ = State::first;
    std::string user_;
    bool is_known_ = false;
    ScramCredentials credentials_;
    std::string gs2_header_;
    std::string auth_message_;  // as far as it has been said
};

}  // namespace martlet::security
