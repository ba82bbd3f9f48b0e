// A plain socket as a Stream: TCP or a Unix domain socket.
// Ownership: borrows the socket. Threading: the thread of the shard its Connection is on.
#pragma once

#include "server/transport/stream.hpp"

namespace martlet::transport {

class TcpStream final : public Stream {
public:
    explicit TcpStream(int socket) : socket_(socket) {}

    StreamResult handshake() override { return {}; }
    StreamResult read_some(std::span<std::byte> into) override;
    StreamResult write_some(std::span<const core::OutputSegment> segments,
                            std::span<std::byte> scratch) override;
    void say_goodbye(core::CloseReason /*reason*/) override {}
    bool is_secure() const override { return false; }
    std::string peer_identity() const override { return {}; }
    std::string failure() const override;

private:
    int socket_;
    int error_ = 0;
};

}  // namespace martlet::transport
