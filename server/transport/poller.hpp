// The client sockets of one shard: an epoll set of their own, beside Asio's.
//
// Asio keeps a state of its own for every descriptor it has ever known, with a mutex, and frees it
// at the very end; here a socket costs nothing but its Connection, and waiting for it costs no
// system call. The set itself is one descriptor, for which Asio can wait.
//
// Edge-triggered: an event tells that something has changed, once. So who is told must remember it
// until the socket has been read empty, or written full. Only what cannot be written at once is
// watched for room.
//
// Events are fetched in batches, which may be handed out over several passes; a connection that
// leaves the set meanwhile leaves the batch too.
// Ownership: owns the epoll set; borrows sockets and connections. Threading: its shard's thread
// only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "server/transport/owned_fd.hpp"

namespace martlet::transport {

class Connection;

// What has happened to a socket.
struct SocketEvent {
    Connection* connection = nullptr;
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

    // Readable when there are events. Stays the Poller's.
    int native_handle() const { return set_.get(); }

    // From now on it is told of input; at once, if there is some already.
    [[nodiscard]] bool add(int socket, Connection& connection);
    // And of room to write from now on, likewise.
    [[nodiscard]] bool watch_output(int socket, Connection& connection);
    void remove(int socket, const Connection& connection);
    // Its socket is being closed, which takes it out of the set.
    void forget(const Connection& connection);

    // Asks for events, unless some are left. Does not wait. False: there are none.
    bool fetch();
    // Whether next() may give one.
    bool has_events() const { return next_ < count_; }
    std::optional<SocketEvent> next();

private:
    static constexpr std::size_t batch_size = 256;

    OwnedFd set_;
    std::array<epoll_event, batch_size> events_;
    std::size_t count_ = 0;
    std::size_t next_ = 0;
};

}  // namespace martlet::transport
