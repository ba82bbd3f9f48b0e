#include "server/transport/poller.hpp"

#include <cerrno>
#include <system_error>

namespace martlet::transport {

namespace {

constexpr std::uint32_t input_events = EPOLLIN | EPOLLRDHUP | EPOLLET;

bool control(int set, int operation, int socket, std::uint32_t events, Connection& connection) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &connection;
    return ::epoll_ctl(set, operation, socket, &event) == 0;
}

}  // namespace

Poller::Poller() : set_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!set_) {
        throw std::system_error(errno, std::system_category(), "epoll_create1");
    }
}

bool Poller::add(int socket, Connection& connection) {
    return control(set_.get(), EPOLL_CTL_ADD, socket, input_events, connection);
}

bool Poller::watch_output(int socket, Connection& connection) {
    return control(set_.get(), EPOLL_CTL_MOD, socket, input_events | EPOLLOUT, connection);
}

void Poller::remove(int socket, const Connection& connection) {
    ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, socket, nullptr);
    forget(connection);
}

void Poller::forget(const Connection& connection) {
    for (std::size_t i = next_; i < count_; ++i) {
        if (events_[i].data.ptr == &connection) {
            events_[i].data.ptr = nullptr;
        }
    }
}

bool Poller::fetch() {
    if (has_events()) {
        return true;
    }
    next_ = 0;
    const int count = ::epoll_wait(set_.get(), events_.data(), static_cast<int>(events_.size()), 0);
    count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
    return has_events();
}

std::optional<SocketEvent> Poller::next() {
    while (next_ < count_) {
        const epoll_event& event = events_[next_++];
        if (event.data.ptr == nullptr) {
            continue;
        }
        SocketEvent result;
        result.connection = static_cast<Connection*>(event.data.ptr);
        const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
        result.ends = broken || (event.events & EPOLLRDHUP) != 0;
        result.readable = result.ends || (event.events & EPOLLIN) != 0;
        result.writable = broken || (event.events & EPOLLOUT) != 0;
        return result;
    }
    return std::nullopt;
}

}  // namespace martlet::transport
