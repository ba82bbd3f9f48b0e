#include "server/app/network_log.hpp"

#include <fmt/format.h>

namespace martlet::app {

namespace {

LogFieldsView fields(const transport::PeerDescription& peer, std::string_view reason) {
    LogFieldsView view;
    view.peer = peer.peer;
    view.reason = reason;
    return view;
}

// A flood is told in one line, with how many there were since the last one.
std::string and_others(std::uint64_t unlogged) {
    return unlogged == 0 ? std::string() : fmt::format(" (and {} others)", unlogged);
}

}  // namespace

NetworkLog::NetworkLog(Logger& logger, const std::vector<ListenerConfig>& listeners)
    : logger_(logger) {
    for (const ListenerConfig& listener : listeners) {
        places_.push_back(listener.unix_path.empty() ? fmt::format("port {}", listener.port)
                                                     : fmt::format("path {}", listener.unix_path));
    }
}

void NetworkLog::on_accepted(const transport::PeerDescription& peer) {
    if (logger_.wants(LogLevel::information)) {
        const bool is_unix = peer.peer.starts_with("unix:");  // and then has the path already
        logger_.write(LogLevel::information,
                      fmt::format("New connection from {}{}.", peer.peer,
                                  is_unix ? std::string() : " on " + places_[peer.listener]),
                      fields(peer, {}));
    }
}

void NetworkLog::on_too_many_connections(const transport::PeerDescription& peer,
                                         std::uint64_t unlogged) {
    logger_.write(LogLevel::notice,
                  fmt::format("Client connection from {} denied: max_connections exceeded{}.",
                              peer.peer, and_others(unlogged)),
                  fields(peer, "max_connections exceeded"));
}

void NetworkLog::on_accept_failed(std::uint16_t listener, std::string_view what,
                                  std::uint64_t unlogged) {
    logger_.write(LogLevel::error,
                  fmt::format("Unable to accept new connection on {}: {}{}.", places_[listener],
                              what, and_others(unlogged)),
                  {});
}

void NetworkLog::on_handshake_failed(const transport::PeerDescription& peer,
                                     std::string_view what) {
    logger_.write(LogLevel::notice,
                  fmt::format("Client <unknown> disconnected: {} [{}].", what, peer.peer),
                  fields(peer, what));
}

void NetworkLog::on_upgrade_refused(const transport::PeerDescription& peer, std::string_view what,
                                    std::uint64_t unlogged) {
    logger_.write(LogLevel::notice,
                  fmt::format("WebSocket connection from {} refused, {}{}", peer.peer, what,
                              and_others(unlogged)),
                  fields(peer, what));
}

void NetworkLog::on_proxy_header_refused(const transport::PeerDescription& peer,
                                         std::string_view what, std::uint64_t unlogged) {
    logger_.write(
        LogLevel::warning,
        fmt::format("Connection from {} rejected, {}{}.", peer.peer, what, and_others(unlogged)),
        fields(peer, what));
}

void NetworkLog::on_closed_before_connect(const transport::PeerDescription& peer,
                                          std::string_view what) {
    logger_.write(LogLevel::notice,
                  fmt::format("Client <unknown> closed before CONNECT: {} [{}].", what, peer.peer),
                  fields(peer, what));
}

void NetworkLog::on_crowded_out(const transport::PeerDescription& peer, std::uint64_t unlogged) {
    logger_.write(LogLevel::warning,
                  fmt::format("Too many connections without a CONNECT: closed the oldest, {}{}.",
                              peer.peer, and_others(unlogged)),
                  fields(peer, "too many connections without a CONNECT"));
}

}  // namespace martlet::app
