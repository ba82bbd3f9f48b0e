// Accepts the connections of one listening socket and gives each to a shard.
//
// A plain connection begins on the shard that accepted it: its CONNECT, often there already, tells
// where it goes. TLS handshakes cost a hundred times what accepting does, so those are dealt to all
// shards in turn. Nothing is bound again at a reload: certificates are swapped, connections that
// exist keep theirs.
//
// Without file descriptors a connection can be neither served nor refused; so one is kept in
// reserve, is given up to accept and close what waits, and taken back. Ownership: owns the socket;
// borrows the runners and the admission. Threading: constructed and destroyed while its shard does
// not run; otherwise that shard's thread only.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "server/transport/admission.hpp"
#include "server/transport/burst_gate.hpp"
#include "server/transport/owned_fd.hpp"
#include "server/transport/proxy_protocol.hpp"
#include "server/transport/shard_runner.hpp"
#include "server/transport/stream.hpp"
#include "server/transport/tls_context.hpp"
#include "server/transport/websocket_handshake.hpp"

namespace martlet::transport {

class Listener final : private Acceptor {
public:
    struct Setup {
        std::uint16_t index = 0;  // of the configuration's listener
        OwnedFd socket;
        Admission* admission = nullptr;
        std::string unix_path{};  // empty: an IP socket
        ProxyRequirement proxy;
        std::shared_ptr<const TlsContext> tls;              // null: plain
        std::shared_ptr<const WebSocketOptions> websocket;  // null: MQTT without it
    };

    Listener(std::span<const std::unique_ptr<ShardRunner>> runners, std::size_t runner,
             Setup setup);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    ShardRunner& runner() { return runner_; }
    std::uint16_t index() const { return index_; }
    void start() { wait(); }
    void stop();
    void set_tls(std::shared_ptr<const TlsContext> tls) { tls_ = std::move(tls); }
    void set_proxy(const ProxyRequirement& proxy) { proxy_ = proxy; }
    void set_websocket(std::shared_ptr<const WebSocketOptions> options) {
        websocket_ = std::move(options);
    }

private:
    // Accepts some of them.
    void on_arrivals() override;
    // The socket is watched; until it is not, on_arrivals() is called as long as somebody waits.
    void wait();
    void stop_waiting();
    // Nothing is accepted meanwhile.
    void accept_later(core::Duration pause);
    // Where the next connection begins; without a ticket when enough are on their way already.
    struct Place {
        ShardRunner* runner = nullptr;
        AdmissionTicket ticket;
    };
    Place find_place();
    Place place_on(ShardRunner& runner);
    bool has_newcomers();
    void begin(int socket, const sockaddr_storage& address, Place place);
    // From the outside in: PROXY header, TLS, WebSocket.
    std::unique_ptr<Stream> make_stream(int socket) const;
    // Whether to go on accepting.
    bool handle_error(int error);
    void refuse_with_reserve();
    void log_failure(int error);

    const std::uint16_t index_;
    std::span<const std::unique_ptr<ShardRunner>> runners_;
    ShardRunner& runner_;
    OwnedFd socket_;
    bool is_watched_ = false;
    Admission& admission_;
    const std::string unix_path_;
    ProxyRequirement proxy_;
    std::shared_ptr<const TlsContext> tls_;
    std::shared_ptr<const WebSocketOptions> websocket_;
    OwnedFd reserve_;
    std::size_t next_runner_ = 0;
    BurstGate too_many_gate_;
    BurstGate failure_gate_;
};

}  // namespace martlet::transport
