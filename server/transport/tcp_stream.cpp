#include "server/transport/tcp_stream.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace martlet::transport {

namespace {

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

StreamResult TcpStream::read_some(std::span<std::byte> into) {
    while (true) {
        const ssize_t count = ::recv(socket_, into.data(), into.size(), 0);
        if (count > 0) {
            const std::size_t read = static_cast<std::size_t>(count);
            // Less than there was room for means that there is no more: no need to ask again.
            return {read < into.size() ? StreamStatus::wants_read : StreamStatus::ok, read};
        }
        if (count == 0) {
            return {StreamStatus::end};
        }
        if (would_block(errno)) {
            return {StreamStatus::wants_read};
        }
        if (errno != EINTR) {
            error_ = errno;
            return {StreamStatus::failed};
        }
    }
}

StreamResult TcpStream::write_some(std::span<const core::OutputSegment> segments,
                                   std::span<std::byte> /*scratch*/) {
    constexpr std::size_t vectors_max = 64;
    std::array<iovec, vectors_max> vectors;
    const std::size_t used = std::min(segments.size(), vectors_max);
    std::size_t offered = 0;
    for (std::size_t i = 0; i < used; ++i) {
        // sendmsg() does not write through the pointer; iovec serves both directions.
        vectors[i] = {const_cast<std::byte*>(segments[i].data), segments[i].size};
        offered += segments[i].size;
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = used;
    while (true) {
        const ssize_t count =
            used == 1 ? ::send(socket_, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                      : ::sendmsg(socket_, &message, MSG_NOSIGNAL);
        if (count >= 0) {
            const std::size_t written = static_cast<std::size_t>(count);
            // Less than offered means that the socket's buffer is full: no need to ask again.
            return {written < offered ? StreamStatus::wants_write : StreamStatus::ok, written};
        }
        if (would_block(errno)) {
            return {StreamStatus::wants_write};
        }
        if (errno != EINTR) {
            error_ = errno;
            return {StreamStatus::failed};
        }
    }
}

std::string TcpStream::failure() const {
    return std::system_category().message(error_);
}

}  // namespace martlet::transport
