// What a service manager wants to hear (sd_notify(3)): ready, reloading, stopping, still alive.
//
// The protocol is a datagram to the socket named in NOTIFY_SOCKET, so no library is needed for it.
// Without that variable nothing is said. Ownership: a value. Threading: the main thread only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace martlet::app {

class ServiceManager {
public:
    // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; at start, before there are threads.
    static ServiceManager from_environment();
    explicit ServiceManager(std::string socket) : socket_(std::move(socket)) {}

    // True when it was said, or nobody wants to hear it.
    bool say_ready(std::string_view status) const;
    bool say_reloading() const;
    bool say_stopping() const;
    bool say_alive() const;

    // How often say_alive() is expected; none: never.
    std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

private:
    bool say(std::string_view text) const;

    std::string socket_;  // empty: nobody listens
    std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace martlet::app
