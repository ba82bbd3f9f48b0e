#include "server/transport/proxy_stream.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace martlet::transport {

StreamResult ProxyStream::handshake() {
    if (!has_header_) {
        const StreamResult result = read_header();
        if (result.status != StreamStatus::ok) {
            return result;
        }
        has_header_ = true;
        received_ = {};
    }
    return inner_->handshake();
}

// Looks first, then takes what belongs to the header: all of it, while the header is not whole.
StreamResult ProxyStream::read_header() {
    std::array<char, proxy_header_max> buffer;
    while (true) {
        const ssize_t count =
            ::recv(socket_, buffer.data(), buffer.size() - received_.size(), MSG_PEEK);
        if (count == 0) {
            return {StreamStatus::end};
        }
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                return {StreamStatus::wants_read};
            }
            if (errno == EINTR) {
                continue;
            }
            error_ = errno;
            return {StreamStatus::failed};
        }
        const std::size_t before = received_.size();
        received_.append(buffer.data(), static_cast<std::size_t>(count));
        ProxyHeader header = parse_proxy_header(std::as_bytes(std::span(received_)), requirement_);
        if (header.state == ProxyHeader::State::wrong) {
            fault_ = header.what;
            return {StreamStatus::failed};
        }
        const bool is_whole = header.state == ProxyHeader::State::complete;
        const std::size_t end = is_whole ? header.size : received_.size();
        // It is there: there is nothing to wait for.
        ::recv(socket_, buffer.data(), end - before, 0);
        if (is_whole) {
            peer_ = std::move(header.peer);
            return {};
        }
    }
}

std::string ProxyStream::failure() const {
    if (!fault_.empty()) {
        return std::string(fault_);
    }
    return error_ != 0 ? std::system_category().message(error_) : inner_->failure();
}

}  // namespace martlet::transport
