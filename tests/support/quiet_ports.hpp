// The core's ports for who wants none of them: everybody may do everything, nothing is stored and
// nothing logged.
// Ownership: values of the test that sets them up. Threading: no state, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "server/core/access_control.hpp"
#include "server/core/log_events.hpp"
#include "server/core/store.hpp"

namespace martlet::testing {

class Everybody : public core::AccessControl {
public:
    std::optional<core::AuthenticationResult> authenticate(const protocol::ConnectView&,
                                                           const core::ConnectionInfo&,
                                                           core::ConnectionId) override {
        return core::AuthenticationResult{};
    }
    bool permits_everything() const override { return true; }
    bool may_publish(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
    bool may_subscribe(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
    bool may_read(const core::Identity&, std::string_view, std::string_view) const override {
        return true;
    }
};

class NoStore final : public core::Store {
public:
    bool keeps_records() const override { return false; }
    void submit(core::StoreTicket, core::StoreBatch) override {}
    void load(core::LoadRequest) override {}
};

class NoLog final : public core::LogEvents {
public:
    void on_connected(const core::ConnectedEvent&) override {}
    void on_refused(const core::RefusedEvent&) override {}
    void on_disconnected(const core::DisconnectedEvent&) override {}
    void on_subscription(const core::SubscriptionEvent&) override {}
    void on_drop(const core::DropEvent&) override {}
    void on_denied_publish(const core::DeniedPublishEvent&) override {}
};

}  // namespace martlet::testing
