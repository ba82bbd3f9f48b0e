// All clients of one run, and the loop in which they live.
// Ownership: owns the clients, which stay where they are until its end. Threading: one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/load/client.hpp"
#include "tests/bench/load/measure.hpp"
#include "tests/bench/load/options.hpp"
#include "tests/bench/load/target.hpp"

namespace martlet::load {

class Crowd {
public:
    explicit Crowd(const Options& options);

    // Told of all that happens from now on.
    void listen(Mode& mode) { mode_ = &mode; }
    Mode& mode() { return *mode_; }

    // `kind` becomes part of the Client Identifier.
    Client& add(std::string_view kind, std::size_t number);
    std::vector<Client*> everybody();

    // Connects them, a few at a time, within `seconds`; throws when not all get in.
    void open_all(std::span<Client* const> clients, double seconds);
    void disconnect_all(std::span<Client* const> clients);

    // Lets things happen until `is_done()`, or for `seconds`; returns is_done().
    template <class Done>
    bool run_until(Done is_done, double seconds);
    void run_for(double seconds) {
        run_until([] { return false; }, seconds);
    }

    Mark mark() const { return Mark{options_.pid}; }
    Report& report() { return report_; }
    const Options& options() const { return options_; }
    // What topics and Client Identifiers of this run begin with.
    const std::string& prefix() const { return prefix_; }
    std::uint64_t clients_lost() const { return clients_lost_; }

    // For its clients.
    Poller& poller() { return poller_; }
    std::span<std::byte> scratch() { return scratch_; }
    const Target& target() const { return target_; }
    int new_socket(std::size_t place) const;
    void count_lost_client() { ++clients_lost_; }

private:
    void poll(int timeout_ms);

    const Options& options_;
    Target target_;
    Poller poller_;
    Mode* mode_ = nullptr;
    Report report_;
    std::string prefix_;
    std::uint64_t clients_lost_ = 0;  // closed by the broker
    std::deque<Client> clients_;
    std::vector<std::byte> scratch_ = std::vector<std::byte>(std::size_t{256} << 10);
};

template <class Done>
bool Crowd::run_until(Done is_done, double seconds) {
    const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    while (!is_done()) {
        if (now_ns() > end) {
            return false;
        }
        poll(mode_->pump() ? 0 : 1);
    }
    return true;
}

}  // namespace martlet::load
