// The network side of the broker, whole: listeners, shards and their threads. What the app uses.
//
// Use: construct; open() binds everything or nothing; start() runs the shards; stop() lets every
// client go and joins the threads. After stop() nothing runs any more, so what the ports refer to
// may go. Ownership: owns runners and listeners; borrows the ports and the log. Not to be reused
// after stop(). Threading: all from one thread outside the shards, except post(), which any thread
// may call.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/core/counters.hpp"
#include "server/core/limits.hpp"
#include "server/core/shard.hpp"
#include "server/transport/admission.hpp"
#include "server/transport/listening_sockets.hpp"
#include "server/transport/proxy_protocol.hpp"
#include "server/transport/shard_options.hpp"
#include "server/transport/tls_context.hpp"
#include "server/transport/transport_counters.hpp"
#include "server/transport/transport_log.hpp"
#include "server/transport/websocket_handshake.hpp"

namespace martlet::transport {

class Listener;
class ShardRunner;

inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

struct ListenerOptions {
    BindOptions bind;
    ProxyRequirement proxy;
    std::optional<TlsOptions> tls;
    std::optional<WebSocketOptions> websocket;  // none: MQTT without it
    std::size_t connections_max = unlimited;
};

struct TransportOptions {
    core::ShardIndex shards = 1;
    std::uint64_t hash_seed = 0;
    core::Limits limits;
    ArrivalLimits arrivals;
    std::size_t connections_max = unlimited;  // of all listeners together
    std::vector<ListenerOptions> listeners;
    std::vector<ShardPorts> ports;  // one for each shard
    TransportLog* log = nullptr;
};

// What may change while the broker runs; addresses and ports may not, nor what is spoken there.
struct ReloadOptions {
    core::Limits limits;
    ArrivalLimits arrivals;
    std::size_t connections_max = unlimited;
    std::vector<ListenerOptions>
        listeners;  // as many as there are, in their order; bind is ignored
};

class Transport {
public:
    explicit Transport(TransportOptions options);
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    ~Transport();

    // Reads the certificates and binds every listener. What went wrong, or nothing; then nothing is
    // bound.
    [[nodiscard]] std::optional<std::string> open();
    // The certificates of every listener, in their order, by the contexts that are in use.
    std::vector<std::vector<CertificateTerm>> certificate_terms() const;
    // What open() or reload() found odd, but not wrong.
    const std::vector<std::string>& warnings() const { return warnings_; }
    // The port a listener is bound to, which tells when its option was 0; 0 for a Unix socket.
    std::uint16_t port(std::size_t listener) const { return ports_[listener]; }

    // What the shards begin with, one for each; before start().
    void restore(std::vector<core::RecoveredState> states);
    void start();
    // Accepts nobody any more, says goodbye to every client, waits a bounded time until what waits
    // is written, and joins the threads.
    void stop();

    // All or nothing: with an error everything stays as it is. Connections that exist keep their
    // TLS, except those whose client certificate is no longer trusted, which end.
    [[nodiscard]] std::optional<std::string> reload(const ReloadOptions& options);

    core::ShardIndex shard_count() const { return options_.shards; }
    // Runs the function on the shard's thread, in one of its next passes.
    using ShardFunction = std::function<void(core::Shard&, core::Instant)>;
    void post(core::ShardIndex shard, ShardFunction function);
    // Runs it there and waits for the end. Not to be called on a shard's thread.
    void run_on_shard(core::ShardIndex shard, const ShardFunction& function);

    // After a peak, on every shard; waits for all.
    void free_idle_memory();
    // Sums over all shards; waits for each to answer.
    core::Counters counters();
    TransportCounters transport_counters();
    // From the broker itself ($SYS). `shard` should be the same each time, for the order.
    void publish_from_broker(core::ShardIndex shard, std::string topic, std::string payload,
                             bool retain);

private:
    using Contexts = std::vector<std::shared_ptr<const TlsContext>>;  // by listener

    std::optional<std::string> make_contexts(const std::vector<ListenerOptions>& listeners,
                                             Contexts& contexts);
    // Runs it on every shard's thread at once and waits for all.
    void run_on_all(const std::function<void(ShardRunner&)>& function);
    void set_admission_limits(std::size_t whole, const std::vector<ListenerOptions>& listeners);

    TransportOptions options_;
    std::vector<std::string> warnings_;
    Contexts contexts_;
    std::vector<std::uint16_t> ports_;
    Admission admission_{nullptr};
    std::vector<std::unique_ptr<Admission>> listener_admissions_;
    std::vector<std::unique_ptr<ShardRunner>> runners_;
    std::vector<std::unique_ptr<Listener>> listeners_;  // one for each socket
    std::vector<UnixSocketFile> socket_files_;
    bool is_running_ = false;
};

}  // namespace martlet::transport
