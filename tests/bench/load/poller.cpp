#include "tests/bench/load/poller.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace martlet::load {

Poller::Poller() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (descriptor_ < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
}

Poller::~Poller() {
    ::close(descriptor_);
}

void Poller::add(int socket, void* owner, bool for_writing) {
    control(EPOLL_CTL_ADD, socket, owner, for_writing);
}

void Poller::change(int socket, void* owner, bool for_writing) {
    control(EPOLL_CTL_MOD, socket, owner, for_writing);
}

void Poller::control(int operation, int socket, void* owner, bool for_writing) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (for_writing) {
        event.events |= EPOLLOUT;
    }
    event.data.ptr = owner;
    if (::epoll_ctl(descriptor_, operation, socket, &event) != 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
}

std::span<const epoll_event> Poller::wait(int timeout_ms) {
    const int count =
        ::epoll_wait(descriptor_, events_.data(), static_cast<int>(events_.size()), timeout_ms);
    return {events_.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

}  // namespace martlet::load
