// A client that speaks in bytes over a blocking socket. A read that would take longer than ten
// seconds fails the test, so nothing ever sleeps to wait for the broker. Threading: the test's
// thread.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "server/transport/owned_fd.hpp"

namespace martlet::transport::tests {

inline OwnedFd make_socket(int receive_buffer) {
    OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{10, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (receive_buffer != 0) {
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    return socket;
}

inline bool connect_to(const OwnedFd& socket, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
           0;
}

inline OwnedFd connect_socket(std::uint16_t port, int receive_buffer = 0) {
    OwnedFd socket = make_socket(receive_buffer);
    return connect_to(socket, port) ? std::move(socket) : OwnedFd();
}

class RawClient {
public:
    explicit RawClient(std::uint16_t port, int receive_buffer = 0)
        : RawClient(connect_socket(port, receive_buffer)) {}
    explicit RawClient(OwnedFd socket) : socket_(std::move(socket)) {}

    bool is_connected() const { return static_cast<bool>(socket_); }
    int socket() const { return socket_.get(); }

    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }

    // Exactly so many bytes, or fewer when the stream ends (or takes too long) before.
    std::string receive(std::size_t size) {
        std::string result;
        while (result.size() < size) {
            std::string piece(size - result.size(), '\0');
            const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
            if (count <= 0) {
                break;
            }
            result.append(piece, 0, static_cast<std::size_t>(count));
        }
        return result;
    }

    std::string exchange(std::string_view bytes, std::size_t answer_size) {
        return send(bytes) ? receive(answer_size) : std::string();
    }

    // The peer ends the stream, by FIN or reset, before it says anything more.
    bool sees_end() {
        char byte = 0;
        const ssize_t count = ::recv(socket_.get(), &byte, 1, 0);
        return count == 0 || (count < 0 && errno == ECONNRESET);
    }
    // What still comes until the end.
    std::string receive_all() {
        std::string result;
        char buffer[4096];
        while (true) {
            const ssize_t count = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
            if (count <= 0) {
                return result;
            }
            result.append(buffer, static_cast<std::size_t>(count));
        }
    }

    void half_close() { ::shutdown(socket_.get(), SHUT_WR); }
    void close() { socket_.reset(); }
    // Closes with a reset.
    void reset() {
        const linger abort{1, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
        socket_.reset();
    }

private:
    OwnedFd socket_;
};

}  // namespace martlet::transport::tests
