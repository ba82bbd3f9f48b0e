// Which sockets can be read or written: epoll, level-triggered, with a pointer for each socket.
// Ownership: owns the epoll descriptor; the sockets and the pointers are the caller's. Threading:
// its caller's thread only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <span>

namespace martlet::load {

class Poller {
public:
    Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;
    ~Poller();

    // Always for reading, and for writing if that is wanted.
    void add(int socket, void* owner, bool for_writing);
    void change(int socket, void* owner, bool for_writing);

    // What has happened; valid until the next call. A timeout of -1 is none.
    std::span<const epoll_event> wait(int timeout_ms);

private:
    void control(int operation, int socket, void* owner, bool for_writing);

    int descriptor_;
    std::array<epoll_event, 512> events_{};
};

}  // namespace martlet::load
