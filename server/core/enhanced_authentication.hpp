// Enhanced authentication (v5): a conversation in AUTH packets between a client and whoever knows
// its method. What is said is opaque here; the shard minds whose turn it is.
// Ownership: a connection owns its conversation. Threading: its shard's thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/byte_reader.hpp"
#include "protocol/reason_code.hpp"
#include "server/core/identity.hpp"

namespace martlet::core {

// The server's turn in the conversation.
struct AuthenticationStep {
    // continue_authentication: the client's turn; success; otherwise refused.
    protocol::ReasonCode reason = protocol::ReasonCode::continue_authentication;
    Identity identity;                // on success
    std::optional<std::string> data;  // for the client, unless it is refused
    std::string_view what;            // static phrase for the log on refusal
};

// Port: one conversation, from AccessControl::begin_exchange().
class AuthenticationExchange {
public:
    // Also while a step is decided elsewhere: the client may go at any time.
    virtual ~AuthenticationExchange() = default;

    // Takes what the client said; the first time, the data of its CONNECT or of the AUTH that
    // re-authenticates. Answers at once, or returns nothing and lets
    // Shard::on_authentication_step() be called later (on the shard's thread).
    virtual std::optional<AuthenticationStep> step(std::optional<protocol::Bytes> data) = 0;
};

// A connection whose CONNECT named a method.
struct EnhancedAuthentication {
    std::string method;
    std::unique_ptr<AuthenticationExchange> exchange;  // null: none is under way
    bool is_deciding = false;                          // the server's turn, decided elsewhere
    std::optional<std::string> final_data{};           // for the CONNACK
};

}  // namespace martlet::core
