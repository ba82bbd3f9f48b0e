// Port: one way to prove who one is. A listener has a chain of them and asks each in turn until one
// says that the attempt is its to decide; see access_rules.hpp for the order.
//
// Ownership: the rules own their authenticators. Threading: immutable, shared by all shards; Work
// runs on a worker and may outlive its authenticator, so it owns what it needs.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <variant>

#include "server/core/access_control.hpp"
#include "server/security/credential.hpp"

namespace martlet::security {

// What a client presents. Lifetime: views of its CONNECT.
struct LoginAttempt {
    const core::ConnectionInfo& info;
    std::optional<std::string_view> user_name;
    std::optional<std::string_view> password;
    std::chrono::system_clock::time_point now{};  // tokens say when they end

    bool has_credentials() const {
        return password.has_value() || (user_name && !user_name->empty());
    }
};

struct Verdict {
    core::AuthenticationResult result;
    // Refused, and perhaps a guess: counts towards a ban.
    bool is_failed_login = false;
};

struct NotMine {};
// Takes too long for a shard's thread.
using Work = std::function<Verdict()>;
using Answer = std::variant<NotMine, Verdict, Work>;

class Authenticator {
public:
    virtual ~Authenticator() = default;

    virtual Answer authenticate(const LoginAttempt& attempt) const = 0;

    // After a reload: whether an identity that was proved like this would be again. Nothing: it is
    // another's to say.
    virtual std::optional<bool> would_accept(const core::Identity& identity,
                                             const Credential& proof,
                                             const core::ConnectionInfo& info) const = 0;
};

// `what` is a static phrase for the log.
Verdict refuse(protocol::ReasonCode reason, std::string_view what);
// A login that failed.
Verdict refuse_login(std::string_view what);
Verdict accept(std::string_view user_name, const Credential& proof);

}  // namespace martlet::security
