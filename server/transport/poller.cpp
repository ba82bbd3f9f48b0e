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

// Whose event it is: a connection's or an acceptor's address, the latter marked in its lowest bit.
// Nobody's is the waker's, and that of who has left since.
constexpr std::uint64_t nobody = 0;
constexpr std::uint64_t acceptor_mark = 1;

std::uint64_t key_of(const Connection& connection) {
    return reinterpret_cast<std::uintptr_t>(&connection);
}

std::uint64_t key_of(const Acceptor& acceptor) {
    return reinterpret_cast<std::uintptr_t>(&acceptor) | acceptor_mark;
}

template <class T>
T* to_pointer(std::uint64_t address) {
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

bool control(int set, int operation, int descriptor, std::uint32_t events, std::uint64_t key) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
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

void Poller::remove(int socket, const Connection& connection) {
    ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, socket, nullptr);
    forget(connection);
}

void Poller::forget(const Connection& connection) {
    forget(key_of(connection));
}

bool Poller::add(int socket, Acceptor& acceptor) {
    return control(set_.get(), EPOLL_CTL_ADD, socket, EPOLLIN, key_of(acceptor));
}

void Poller::remove(int socket, const Acceptor& acceptor) {
    ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, socket, nullptr);
    forget(key_of(acceptor));
}

void Poller::forget(std::uint64_t key) {
    for (std::size_t i = next_; i < count_; ++i) {
        if (events_[i].data.u64 == key) {
            events_[i].data.u64 = nobody;
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
        const std::uint64_t key = event.data.u64;
        if (key == nobody) {
            continue;
        }
        SocketEvent result;
        if ((key & acceptor_mark) != 0) {
            result.acceptor = to_pointer<Acceptor>(key & ~acceptor_mark);
            return result;
        }
        result.connection = to_pointer<Connection>(key);
        const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
        result.ends = broken || (event.events & EPOLLRDHUP) != 0;
        result.readable = result.ends || (event.events & EPOLLIN) != 0;
        result.writable = broken || (event.events & EPOLLOUT) != 0;
        return result;
    }
    return std::nullopt;
}

}  // namespace martlet::transport
