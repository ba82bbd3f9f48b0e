// Port: who a client is and what it may do. Implemented by server/security and by tests.
// Threading: called on the shard's thread; must not block. Several shards may share one
// implementation, which then has to be immutable or internally synchronised.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "protocol/packet/connect.hpp"
#include "protocol/reason_code.hpp"
#include "server/core/connection_port.hpp"
#include "server/core/enhanced_authentication.hpp"
#include "server/core/identity.hpp"
#include "server/core/ids.hpp"
#include "server/core/time.hpp"

namespace martlet::core {

struct AuthenticationResult {
    protocol::ReasonCode reason = protocol::ReasonCode::success;
    Identity identity;
    std::string_view what;  // static phrase for the log on refusal
    // For how long the credential holds; then the connection is ended.
    std::optional<Duration> valid_for{};
};

class AccessControl {
public:
    virtual ~AccessControl() = default;

    // Answers at once, or returns nothing and lets Shard::on_authenticated() be called later (on
    // the shard's thread): password hashing is done elsewhere.
    virtual std::optional<AuthenticationResult> authenticate(const protocol::ConnectView& connect,
                                                             const ConnectionInfo& info,
                                                             ConnectionId connection) = 0;

    // The conversation of a v5 client whose CONNECT names an Authentication Method, instead of the
    // above; null: the method is not known here. Begun anew to re-authenticate.
    virtual std::unique_ptr<AuthenticationExchange> begin_exchange(std::string_view /*method*/,
                                                                   const ConnectionInfo& /*info*/,
                                                                   ConnectionId /*connection*/) {
        return nullptr;
    }

    // Asked of everybody who is connected, after Shard::on_access_changed(): whether what proved
    // the identity at CONNECT would still prove it.
    virtual bool may_stay(const Identity& /*identity*/, const ConnectionInfo& /*info*/) const {
        return true;
    }

    // When true nobody is ever refused a topic, and the questions below are not asked.
    virtual bool permits_everything() const = 0;
    virtual bool may_publish(const Identity& identity, std::string_view client_id,
                             std::string_view topic) const = 0;
    virtual bool may_subscribe(const Identity& identity, std::string_view client_id,
                               std::string_view filter) const = 0;
    // Whether may_read() is true of every topic that the filter matches; false where that is not
    // known. Asked once for a subscription, so that nothing is asked for its messages.
    virtual bool may_read_all(const Identity& /*identity*/, std::string_view /*client_id*/,
                              std::string_view /*filter*/) const {
        return false;
    }
    // Asked at delivery, with the concrete topic.
    virtual bool may_read(const Identity& identity, std::string_view client_id,
                          std::string_view topic) const = 0;
};

}  // namespace martlet::core
