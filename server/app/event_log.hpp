// Puts the core's events into mosquitto's words.
// Ownership: borrows the logger. Threading: shared by all shards; the logger synchronises.
#pragma once

#include "server/app/logging.hpp"
#include "server/core/log_events.hpp"

namespace martlet::app {

class EventLog final : public core::LogEvents {
public:
    // `connection_messages false` leaves out who came and who went.
    EventLog(Logger& logger, bool connection_messages)
        : logger_(logger), connection_messages_(connection_messages) {}

    void on_connected(const core::ConnectedEvent& event) override;
    void on_refused(const core::RefusedEvent& event) override;
    void on_disconnected(const core::DisconnectedEvent& event) override;
    void on_subscription(const core::SubscriptionEvent& event) override;
    void on_drop(const core::DropEvent& event) override;
    void on_denied_publish(const core::DeniedPublishEvent& event) override;

    void set_connection_messages(bool wanted) { connection_messages_ = wanted; }

private:
    Logger& logger_;
    std::atomic<bool> connection_messages_;
};

// "Client abc closed its connection." and its kin.
std::string describe_end(const core::DisconnectedEvent& event);

}  // namespace martlet::app
