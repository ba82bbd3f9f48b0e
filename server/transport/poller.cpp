#include "server/transport/poller.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "protocol/assert.hpp"

namespace martlet::transport {

namespace {

constexpr std::uint32_t input_events = EPOLLIN | EPOLLRDHUP | EPOLLET;

// Whose event it is: a connection by its address, an acceptor by the one after its own, which is
// odd. Nobody's is the waker's, and that of who has left since.
constexpr std::byte* nobody = nullptr;

std::byte* key_of(Connection& connection) {
    return reinterpret_cast<std::byte*>(&connection);
}

std::byte* key_of(Acceptor& acceptor) {
    static_assert(alignof(Acceptor) % 2 == 0);
    return reinterpret_cast<std::byte*>(&acceptor) + 1;
}

bool is_acceptor(const std::byte* key) {
    return reinterpret_cast<std::uintptr_t>(key) % 2 != 0;
}

bool control(int set, int operation, int descriptor, std::uint32_t events, std::byte* key) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = key;
    return ::epoll_ctl(set, operation, descriptor, &event) == 0;
}

}  // namespace

Poller::Poller()
    : set_(::epoll_create1(EPOLL_CLOEXEC)), waker_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!set_ || !waker_ ||
        !control(set_.get(), EPOLL_CTL_ADD, waker_.get(), EPOLLIN | EPOLLET, nobody)) {
        throw std::system_error(errno, std::system_category(), "epoll");
    }
}

bool Poller::add(int socket, Connection& connection) {
    return control(set_.get(), EPOLL_CTL_ADD, socket, input_events, key_of(connection));
}

bool Poller::watch_output(int socket, Connection& connection) {
    return control(set_.get(), EPOLL_CTL_MOD, socket, input_events | EPOLLOUT, key_of(connection));
}

void Poller::remove(int socket, Connection& connection) {
    ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, socket, nullptr);
    forget(connection);
}

void Poller::forget(Connection& connection) {
    forget(key_of(connection));
}

bool Poller::add(int socket, Acceptor& acceptor) {
    return control(set_.get(), EPOLL_CTL_ADD, socket, EPOLLIN, key_of(acceptor));
}

void Poller::remove(int socket, Acceptor& acceptor) {
    ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, socket, nullptr);
    forget(key_of(acceptor));
}

void Poller::forget(const std::byte* key) {
    for (std::size_t i = next_; i < count_; ++i) {
        if (events_[i].data.ptr == key) {
            events_[i].data.ptr = nobody;
        }
    }
}

// Each write is an edge, so nobody need read what has been written: 2^64 wake-ups are not reached.
void Poller::wake() {
    const bool written = ::eventfd_write(waker_.get(), 1) == 0;
    MARTLET_ASSERT(written);
}

bool Poller::fetch() {
    return fetch(0);
}

bool Poller::wait(core::Duration timeout) {
    constexpr core::Duration longest = std::chrono::hours(1);
    const core::Duration bounded = std::clamp(timeout, core::Duration(0), longest);
    return fetch(static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(bounded).count()));
}

bool Poller::fetch(int timeout_ms) {
    if (has_events()) {
        return true;
    }
    next_ = 0;
    const int count =
        ::epoll_wait(set_.get(), events_.data(), static_cast<int>(events_.size()), timeout_ms);
    count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
    return has_events();
}

std::optional<SocketEvent> Poller::next() {
    while (next_ < count_) {
        const epoll_event& event = events_[next_++];
        auto* const key = static_cast<std::byte*>(event.data.ptr);
        if (key == nobody) {
            continue;
        }
        SocketEvent result;
        if (is_acceptor(key)) {
            result.acceptor = reinterpret_cast<Acceptor*>(key - 1);
            return result;
        }
        result.connection = reinterpret_cast<Connection*>(key);
        const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
        result.ends = broken || (event.events & EPOLLRDHUP) != 0;
        result.readable = result.ends || (event.events & EPOLLIN) != 0;
        result.writable = broken || (event.events & EPOLLOUT) != 0;
        return result;
    }
    return std::nullopt;
}

}  // namespace martlet::transport
