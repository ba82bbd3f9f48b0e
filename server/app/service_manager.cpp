#include "server/app/service_manager.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace martlet::app {

namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see the header
    return value == nullptr ? std::string_view{} : value;
}

std::optional<long long> number(std::string_view text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_whole = error == std::errc{} && end == text.data() + text.size();
    return is_whole && !text.empty() ? std::optional(value) : std::nullopt;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
    ServiceManager manager{std::string(variable("NOTIFY_SOCKET"))};
    const auto microseconds = number(variable("WATCHDOG_USEC"));
    const auto process = number(variable("WATCHDOG_PID"));
    if (microseconds && *microseconds > 0 && (!process || *process == getpid())) {
        manager.watchdog_ = std::chrono::microseconds(*microseconds);
    }
    return manager;
}

bool ServiceManager::say_ready(std::string_view status) const {
    return say(fmt::format("READY=1\nSTATUS={}\n", status));
}

bool ServiceManager::say_reloading() const {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return say(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n",
                           now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

bool ServiceManager::say_stopping() const {
    return say("STOPPING=1\n");
}

bool ServiceManager::say_alive() const {
    return say("WATCHDOG=1\n");
}

bool ServiceManager::say(std::string_view text) const {
    if (socket_.empty()) {
        return true;
    }
    sockaddr_un address{};
    if (socket_.size() >= sizeof address.sun_path) {
        return false;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0';  // the abstract namespace
    }
    const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return false;
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    const ssize_t sent =
        ::sendto(descriptor, text.data(), text.size(), MSG_NOSIGNAL,
                 static_cast<const sockaddr*>(static_cast<const void*>(&address)), size);
    ::close(descriptor);
    return sent == static_cast<ssize_t>(text.size());
}

}  // namespace martlet::app
