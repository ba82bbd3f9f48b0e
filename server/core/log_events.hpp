// Port: what the core has to tell the operator, as typed events; the app puts them into words.
// Threading: called on the shard's thread; the views are borrowed for the call.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/qos.hpp"
#include "protocol/reason_code.hpp"
#include "protocol/version.hpp"
#include "server/core/connection_port.hpp"

namespace martlet::core {

// Who an event is about; empty where not known.
struct ClientDescription {
    std::string_view client_id;
    std::string_view peer;
    std::string_view user_name;
};

struct ConnectedEvent {
    ClientDescription client;
    protocol::Version version{};
    bool clean_start = true;
    bool session_present = false;
    std::uint16_t keep_alive_s = 0;
    std::uint16_t listener = 0;
    std::string_view will_topic;
};

struct RefusedEvent {
    ClientDescription client;
    protocol::ReasonCode reason{};
    std::string_view what;
};

struct DisconnectedEvent {
    ClientDescription client;
    CloseReason reason{};
    protocol::ReasonCode code{};
    std::string_view what;  // detail, may be empty
};

struct SubscriptionEvent {
    ClientDescription client;
    std::string_view filter;
    protocol::QoS qos{};
    protocol::ReasonCode result{};
    bool added = true;
};

// A message that a client was to get and does not: the first of a run, so that a flood makes one
// line. Totals are in the counters.
struct DropEvent {
    ClientDescription client;
    std::string_view topic;
    std::string_view what;
};

// A message that a client sent and may not.
struct DeniedPublishEvent {
    ClientDescription client;
    std::string_view topic;
    protocol::QoS qos{};
    bool retain = false;
    bool is_will = false;
    bool is_first = true;  // of this connection
    protocol::ReasonCode reason{};
};

class LogEvents {
public:
    virtual ~LogEvents() = default;
    virtual void on_connected(const ConnectedEvent& event) = 0;
    virtual void on_refused(const RefusedEvent& event) = 0;
    virtual void on_disconnected(const DisconnectedEvent& event) = 0;
    virtual void on_subscription(const SubscriptionEvent& event) = 0;
    virtual void on_drop(const DropEvent& event) = 0;
    virtual void on_denied_publish(const DeniedPublishEvent& event) = 0;
};

}  // namespace martlet::core
