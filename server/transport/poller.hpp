// What one shard waits for: its client sockets, its listening sockets, and other threads.
//
// An epoll set and nothing else. Asio keeps a state of its own for every descriptor it has ever
// known, with a mutex, and frees it at the very end; here a socket costs nothing but its
// Connection, and to sleep until something happens is one system call.
//
// Client sockets are edge-triggered: an event tells that something has changed, once. So who is
// told must remember it until the socket has been read empty, or written full. Only what cannot be
// written at once is watched for room. Listening sockets are level-triggered: they are told of as
// long as somebody waits there.
//
// Events are fetched in batches, which may be handed out over several passes; a socket that leaves
// the set meanwhile leaves the batch too.
// Ownership: owns the epoll set; borrows sockets, connections and acceptors. Threading: its shard's
// thread only, but for wake().
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "server/core/time.hpp"
#include "server/transport/owned_fd.hpp"

namespace martlet::transport {

class Connection;

// Told that connections wait at its listening socket.
class Acceptor {
public:
    virtual void on_arrivals() = 0;

protected:
    ~Acceptor() = default;
};

// What has happened to a socket: either to a connection's or to an acceptor's.
struct SocketEvent {
    Connection* connection = nullptr;
    Acceptor* acceptor = nullptr;
    bool readable = false;
    bool writable = false;
    // The peer has sent all it will send, or the connection is broken: the next reads come to an
    // end, so there is one even after a read that took all there was.
    bool ends = false;
};

class Poller {
public:
    // Throws std::system_error: without it there is no shard.
    Poller();

    // From now on it is told of input; at once, if there is some already.
    [[nodiscard]] bool add(int socket, Connection& connection);
    // And of room to write from now on, likewise.
    [[nodiscard]] bool watch_output(int socket, Connection& connection);
    void remove(int socket, Connection& connection);
    // Its socket is being closed, which takes it out of the set.
    void forget(Connection& connection);

    // From now on it is told as long as somebody waits there.
    [[nodiscard]] bool add(int socket, Acceptor& acceptor);
    void remove(int socket, Acceptor& acceptor);

    // Ends the wait() that is under way, or the next one. From any thread.
    void wake();

    // Asks for events, unless some are left. Does not wait. False: there are none.
    bool fetch();
    // The same, but sleeps until there are some, or it is woken, or so much time has passed:
    // rounded up to a millisecond, never less.
    bool wait(core::Duration timeout);
    // Whether next() may give one.
    bool has_events() const { return next_ < count_; }
    std::optional<SocketEvent> next();

private:
    static constexpr std::size_t batch_size = 256;

    bool fetch(int timeout_ms);
    void forget(const std::byte* key);

    OwnedFd set_;
    OwnedFd waker_;
    std::array<epoll_event, batch_size> events_;
    std::size_t count_ = 0;
    std::size_t next_ = 0;
};

}  // namespace martlet::transport
