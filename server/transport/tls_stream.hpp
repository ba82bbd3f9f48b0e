#pragma once
#include "server/transport/tcp_stream.hpp"
#include "server/transport/tls_context.hpp"
namespace martlet::transport {
class TlsStream final : public Stream {
public:
    TlsStream(TlsContext&, int socket) : s(socket) {}
    StreamResult handshake() override { return {}; }
    StreamResult read_some(std::span<std::byte> into) override { return s.read_some(into); }
    StreamResult write_some(std::span<const core::OutputSegment> segments,
                            std::span<std::byte> scratch) override {
        return s.write_some(segments, scratch);
    }
    bool has_buffered_input() const override { return false; }
    void shut_down() override {}
    bool is_secure() const override { return true; }
    std::string peer_identity() const override { return {}; }
    std::string failure() const override { return {}; }
    TcpStream s;
};
}  // namespace martlet::transport
