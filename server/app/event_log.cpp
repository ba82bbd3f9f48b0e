#include "server/app/event_log.hpp"

#include <fmt/format.h>

namespace martlet::app {

using core::CloseReason;
using protocol::ReasonCode;

namespace {

std::string_view name_of(const core::ClientDescription& client) {
    return client.client_id.empty() ? std::string_view("<unknown>") : client.client_id;
}

LogFieldsView fields(const core::ClientDescription& client, std::string_view reason) {
    return {client.client_id, client.peer, client.user_name, reason};
}

// mosquitto's numbering: 1 is 3.1, 2 is 3.1.1, 5 is 5.0.
int version_number(protocol::Version version) {
    switch (version) {
        case protocol::Version::v3_1:
            return 1;
        case protocol::Version::v3_1_1:
            return 2;
        case protocol::Version::v5_0:
            return 5;
    }
    return 0;
}

// What mosquitto does not tell, behind what it does: the reason in detail, and the address.
std::string tail(const core::ClientDescription& client, std::string_view what) {
    std::string text;
    if (!what.empty()) {
        text += fmt::format(" ({})", what);
    }
    if (!client.peer.empty()) {
        text += fmt::format(" [{}]", client.peer);
    }
    return text;
}

}  // namespace

void EventLog::on_connected(const core::ConnectedEvent& event) {
    if (!connection_messages_ || !logger_.wants(LogLevel::notice)) {
        return;
    }
    std::string user;
    if (!event.client.user_name.empty()) {
        user = fmt::format(", u'{}'", event.client.user_name);
    }
    logger_.write(
        LogLevel::notice,
        fmt::format("New client connected from {} as {} (p{}, c{}, k{}{}).", event.client.peer,
                    event.client.client_id, version_number(event.version),
                    event.clean_start ? 1 : 0, event.keep_alive_s, user),
        fields(event.client, {}));
    if (!event.will_topic.empty() && logger_.wants(LogLevel::debug)) {
        logger_.write(LogLevel::debug, fmt::format("Will message specified: {}.", event.will_topic),
                      fields(event.client, {}));
    }
}

void EventLog::on_refused(const core::RefusedEvent& event) {
    // That an address is banned was said when the ban began.
    if (!connection_messages_ || !logger_.wants(LogLevel::notice) ||
        event.reason == ReasonCode::banned) {
        return;
    }
    const bool is_rights = event.reason == ReasonCode::not_authorized ||
                           event.reason == ReasonCode::bad_user_name_or_password;
    logger_.write(LogLevel::notice,
                  fmt::format("Client {} disconnected, {}{}.", name_of(event.client),
                              is_rights ? "not authorised" : protocol::to_string(event.reason),
                              tail(event.client, event.what)),
                  fields(event.client, protocol::to_string(event.reason)));
}

std::string describe_end(const core::DisconnectedEvent& event) {
    const std::string_view name = name_of(event.client);
    switch (event.reason) {
        case CloseReason::client_disconnected:
            return fmt::format("Client {} disconnected.", name);
        case CloseReason::peer_closed:
            return fmt::format("Client {} closed its connection.", name);
        case CloseReason::keep_alive_timeout:
            return fmt::format("Client {} has exceeded timeout, disconnecting.", name);
        case CloseReason::session_taken_over:
            return fmt::format("Client {} already connected, closing old connection.", name);
        case CloseReason::too_large:
            return fmt::format("Client {} disconnected due to oversize packet{}.", name,
                               tail(event.client, event.what));
        case CloseReason::protocol_error:
            return fmt::format(
                "Client {} disconnected due to {}{}.", name,
                event.code == ReasonCode::malformed_packet ? "malformed packet" : "protocol error",
                tail(event.client, event.what));
        case CloseReason::administrative:
            return fmt::format("Client {} been disconnected by administrative action.", name);
        case CloseReason::not_permitted:
            return fmt::format("Client {} disconnected, not authorised{}.", name,
                               tail(event.client, event.what));
        case CloseReason::shutting_down:
            return fmt::format("Client {} disconnected, the broker is shutting down.", name);
        case CloseReason::quota:
        case CloseReason::refused:
        case CloseReason::network_error:
            break;
    }
    return fmt::format("Socket error on client {}, disconnecting{}.", name,
                       tail(event.client, event.what));
}

void EventLog::on_disconnected(const core::DisconnectedEvent& event) {
    if (!connection_messages_ || !logger_.wants(LogLevel::notice)) {
        return;
    }
    logger_.write(
        LogLevel::notice, describe_end(event),
        fields(event.client, event.what.empty() ? protocol::to_string(event.code) : event.what));
}

void EventLog::on_subscription(const core::SubscriptionEvent& event) {
    const LogLevel level = event.added ? LogLevel::subscribe : LogLevel::unsubscribe;
    if (!logger_.wants(level)) {
        return;
    }
    std::string text = event.added ? fmt::format("{} {} {}", event.client.client_id,
                                                 protocol::to_wire(event.qos), event.filter)
                                   : fmt::format("{} {}", event.client.client_id, event.filter);
    if (protocol::is_error(event.result)) {
        text += fmt::format(" (refused: {})", protocol::to_string(event.result));
    }
    logger_.write(level, text, fields(event.client, protocol::to_string(event.result)));
}

void EventLog::on_drop(const core::DropEvent& event) {
    if (!logger_.wants(LogLevel::notice)) {
        return;
    }
    logger_.write(
        LogLevel::notice,
        fmt::format("Outgoing messages are being dropped for client {}: {} (first topic '{}').",
                    name_of(event.client), event.what, event.topic),
        fields(event.client, event.what));
}

void EventLog::on_denied_publish(const core::DeniedPublishEvent& event) {
    // Every one counts, but a client can cause as many as it likes.
    const LogLevel level = event.is_first ? LogLevel::notice : LogLevel::debug;
    if (!logger_.wants(level)) {
        return;
    }
    logger_.write(
        level,
        fmt::format("Denied {}PUBLISH from {} (q{}, r{}, '{}'): {}.", event.is_will ? "will " : "",
                    name_of(event.client), protocol::to_wire(event.qos), event.retain ? 1 : 0,
                    event.topic, protocol::to_string(event.reason)),
        fields(event.client, protocol::to_string(event.reason)));
}

}  // namespace martlet::app
