// Puts the transport's events into mosquitto's words.
// Ownership: borrows the logger. Threading: shared by all shards; the logger synchronises.
#pragma once

#include <vector>

#include "server/app/config.hpp"
#include "server/app/logging.hpp"
#include "server/transport/transport_log.hpp"

namespace martlet::app {

class NetworkLog final : public transport::TransportLog {
public:
    NetworkLog(Logger& logger, const std::vector<ListenerConfig>& listeners);

    void on_accepted(const transport::PeerDescription& peer) override;
    void on_too_many_connections(const transport::PeerDescription& peer,
                                 std::uint64_t unlogged) override;
    void on_accept_failed(std::uint16_t listener, std::string_view what,
                          std::uint64_t unlogged) override;
    void on_handshake_failed(const transport::PeerDescription& peer,
                             std::string_view what) override;
    void on_upgrade_refused(const transport::PeerDescription& peer, std::string_view what,
                            std::uint64_t unlogged) override;
    void on_proxy_header_refused(const transport::PeerDescription& peer, std::string_view what,
                                 std::uint64_t unlogged) override;
    void on_closed_before_connect(const transport::PeerDescription& peer,
                                  std::string_view what) override;
    void on_crowded_out(const transport::PeerDescription& peer, std::uint64_t unlogged) override;

private:
    Logger& logger_;
    std::vector<std::string> places_;  // "port 1883", by listener
};

}  // namespace martlet::app
