// A stream that is preceded by a PROXY header: takes the header off the socket, and nothing behind
// it, before the handshake of the stream it was made for. OpenSSL reads the socket itself, so what
// comes after the header has to be there still.
//
// Ownership: owns the inner stream; borrows the socket. Threading: the thread of the shard its
// Connection is on.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/transport/proxy_protocol.hpp"
#include "server/transport/stream.hpp"

namespace martlet::transport {

class ProxyStream final : public Stream {
public:
    ProxyStream(std::unique_ptr<Stream> inner, int socket, const ProxyRequirement& requirement)
        : inner_(std::move(inner)), socket_(socket), requirement_(requirement) {}

    StreamResult handshake() override;
    HandshakeStep handshake_step() const override {
        return has_header_ ? inner_->handshake_step() : HandshakeStep::proxy_header;
    }
    StreamResult read_some(std::span<std::byte> into) override { return inner_->read_some(into); }
    StreamResult write_some(std::span<const core::OutputSegment> segments,
                            std::span<std::byte> scratch) override {
        return inner_->write_some(segments, scratch);
    }
    bool has_output() const override { return inner_->has_output(); }
    void say_goodbye(core::CloseReason reason) override { inner_->say_goodbye(reason); }
    bool expects_goodbye() const override { return inner_->expects_goodbye(); }
    bool is_secure() const override { return inner_->is_secure(); }
    std::string peer_identity() const override { return inner_->peer_identity(); }
    std::string forwarded_peer() const override { return peer_; }
    std::string failure() const override;
    bool distrusts_peer() const override { return inner_->distrusts_peer(); }
    bool has_peer_certificate() const override { return inner_->has_peer_certificate(); }
    std::string why_distrusted_by(
        std::span<const std::shared_ptr<const TlsContext>> contexts) const override {
        return inner_->why_distrusted_by(contexts);
    }

private:
    StreamResult read_header();

    std::unique_ptr<Stream> inner_;
    std::string received_;  // of the header, as long as it is not whole
    std::string peer_;
    std::string_view fault_;
    int socket_;
    int error_ = 0;
    ProxyRequirement requirement_;
    bool has_header_ = false;
};

}  // namespace martlet::transport
