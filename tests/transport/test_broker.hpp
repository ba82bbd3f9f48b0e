// A broker on a free loopback port: the real transport and core, with ports that permit everything,
// store nothing and remember what was logged.
// Threading: the test's thread; the logs are internally synchronised.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/transport/transport.hpp"
#include "tests/support/quiet_ports.hpp"

namespace martlet::transport::tests {

class OpenAccess final : public testing::Everybody {
public:
    std::optional<core::AuthenticationResult> authenticate(const protocol::ConnectView& connect,
                                                           const core::ConnectionInfo& info,
                                                           core::ConnectionId) override {
        const std::scoped_lock lock(mutex_);
        identities_.push_back(info.certificate_name);
        peers_.push_back(info.peer);
        core::AuthenticationResult result;
        result.identity.user_name = connect.user_name.value_or("");
        return result;
    }
    // Of the certificates seen, in order.
    std::vector<std::string> identities() {
        const std::scoped_lock lock(mutex_);
        return identities_;
    }

    // Where they came from, likewise.
    std::vector<std::string> peers() {
        const std::scoped_lock lock(mutex_);
        return peers_;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> identities_;
    std::vector<std::string> peers_;
};

// Lines of both logs; a test waits for one rather than for time to pass.
class LineLog {
public:
    void add(std::string line) {
        const std::scoped_lock lock(mutex_);
        lines_.push_back(std::move(line));
        changed_.notify_all();
    }
    // True once a line with this text is there; false after ten seconds.
    bool wait_for(std::string_view text, std::size_t times = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(10),
                                 [&] { return count_locked(text) >= times; });
    }
    std::size_t count(std::string_view text) {
        const std::scoped_lock lock(mutex_);
        return count_locked(text);
    }

private:
    std::size_t count_locked(std::string_view text) const {
        std::size_t found = 0;
        for (const std::string& line : lines_) {
            found += line.find(text) != std::string::npos ? 1 : 0;
        }
        return found;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

class TestTransportLog final : public TransportLog {
public:
    explicit TestTransportLog(LineLog& lines) : lines_(lines) {}

    void on_accepted(const PeerDescription&) override { lines_.add("accepted"); }
    void on_too_many_connections(const PeerDescription&, std::uint64_t) override {
        lines_.add("too many connections");
    }
    void on_accept_failed(std::uint16_t, std::string_view what, std::uint64_t) override {
        lines_.add("accept failed: " + std::string(what));
    }
    void on_handshake_failed(const PeerDescription&, std::string_view what) override {
        lines_.add("handshake failed: " + std::string(what));
    }
    void on_upgrade_refused(const PeerDescription&, std::string_view what, std::uint64_t) override {
        lines_.add("upgrade refused: " + std::string(what));
    }
    void on_proxy_header_refused(const PeerDescription&, std::string_view what,
                                 std::uint64_t) override {
        lines_.add("proxy header refused: " + std::string(what));
    }
    void on_closed_before_connect(const PeerDescription&, std::string_view what) override {
        lines_.add("closed before connect: " + std::string(what));
    }
    void on_crowded_out(const PeerDescription&, std::uint64_t) override {
        lines_.add("crowded out");
    }

private:
    LineLog& lines_;
};

class TestEvents final : public core::LogEvents {
public:
    explicit TestEvents(LineLog& lines) : lines_(lines) {}

    void on_connected(const core::ConnectedEvent& event) override {
        lines_.add("connected " + std::string(event.client.client_id));
    }
    void on_refused(const core::RefusedEvent&) override { lines_.add("refused"); }
    void on_disconnected(const core::DisconnectedEvent& event) override {
        lines_.add("disconnected " + std::string(event.client.client_id) + " " +
                   std::to_string(static_cast<int>(event.reason)));
    }
    void on_subscription(const core::SubscriptionEvent&) override {}
    void on_drop(const core::DropEvent&) override {}
    void on_denied_publish(const core::DeniedPublishEvent&) override {}

private:
    LineLog& lines_;
};

inline TransportOptions test_options(core::ShardIndex shards) {
    TransportOptions options;
    options.shards = shards;
    options.hash_seed = 0x5EED;
    ListenerOptions listener;
    listener.bind.address = "127.0.0.1";
    listener.bind.port = 0;
    options.listeners.push_back(listener);
    return options;
}

class TestBroker {
public:
    explicit TestBroker(core::ShardIndex shards) : TestBroker(test_options(shards)) {}
    explicit TestBroker(TransportOptions options) {
        for (core::ShardIndex i = 0; i < options.shards; ++i) {
            options.ports.push_back({&store_, &access_, &events_});
        }
        options.log = &log_;
        transport_ = std::make_unique<Transport>(std::move(options));
        error_ = transport_->open();
        if (!error_) {
            transport_->start();
        }
    }

    Transport& transport() { return *transport_; }
    const std::optional<std::string>& error() const { return error_; }
    std::uint16_t port(std::size_t listener = 0) const { return transport_->port(listener); }
    LineLog& lines() { return lines_; }
    OpenAccess& access() { return access_; }

private:
    LineLog lines_;
    TestTransportLog log_{lines_};
    TestEvents events_{lines_};
    OpenAccess access_;
    testing::NoStore store_;
    std::unique_ptr<Transport> transport_;
    std::optional<std::string> error_;
};

}  // namespace martlet::transport::tests
