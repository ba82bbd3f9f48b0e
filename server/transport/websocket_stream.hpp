// WebSocket over another Stream, itself a Stream: TCP or TLS below, the bytes of MQTT above.
//
// The handshake is the inner one, then the HTTP upgrade. After that what is read is unmasked where
// it lies, so an idle connection owns no buffers; what is written in one call becomes one binary
// frame around the caller's own bytes. A frame that could not be written whole goes on with the
// next call, since its length has been told: nothing of ours may come in between, so pongs and the
// Close frame wait for its end. Of pings that could not be answered at once only the latest is
// (RFC 6455, 5.5.3), so that a peer cannot make us hold more than one answer.
//
// Ownership: owns the inner stream. Threading: the thread of the shard its Connection is on.
// Invariant: header_left_ != 0 implies that nothing of the frame's payload has been written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "server/transport/stream.hpp"
#include "server/transport/websocket_frames.hpp"
#include "server/transport/websocket_handshake.hpp"

namespace martlet::transport {

class WebSocketStream final : public Stream {
public:
    WebSocketStream(std::unique_ptr<Stream> inner, std::shared_ptr<const WebSocketOptions> options);
    WebSocketStream(const WebSocketStream&) = delete;
    WebSocketStream& operator=(const WebSocketStream&) = delete;
    ~WebSocketStream() override;

    StreamResult handshake() override;
    HandshakeStep handshake_step() const override;
    StreamResult read_some(std::span<std::byte> into) override;
    StreamResult write_some(std::span<const core::OutputSegment> segments,
                            std::span<std::byte> scratch) override;
    bool has_output() const override { return control_ != nullptr; }
    void say_goodbye(core::CloseReason reason) override;
    bool expects_goodbye() const override { return state_ == State::open; }
    bool is_secure() const override { return inner_->is_secure(); }
    std::string peer_identity() const override { return inner_->peer_identity(); }
    std::string forwarded_peer() const override { return inner_->forwarded_peer(); }
    std::string failure() const override;
    bool distrusts_peer() const override { return inner_->distrusts_peer(); }
    bool has_peer_certificate() const override { return inner_->has_peer_certificate(); }
    std::string why_distrusted_by(
        std::span<const std::shared_ptr<const TlsContext>> contexts) const override {
        return inner_->why_distrusted_by(contexts);
    }

private:
    enum class State : std::uint8_t {
        opening,
        open,
        ended,    // the peer has said Close, or the inner stream is over
        faulted,  // the peer broke a rule: what follows can not be understood
    };
    struct Opening;
    struct ControlOutput;

    StreamResult read_request();
    StreamResult write_answer();
    std::size_t take_early(std::span<std::byte> into);
    std::size_t decode(std::span<const std::byte> bytes, std::byte* out);
    void note_ping(protocol::Bytes payload);
    StreamStatus write_control();
    bool is_between_frames() const { return header_left_ == 0 && frame_left_ == 0; }
    void begin_frame(std::span<const core::OutputSegment> segments);
    CloseCode goodbye_code(core::CloseReason reason) const;

    std::unique_ptr<Stream> inner_;
    std::unique_ptr<Opening> opening_;        // until it is over
    std::unique_ptr<ControlOutput> control_;  // a pong that has not been written
    FrameReader reader_;
    std::uint64_t frame_left_ = 0;  // payload of the frame that is being written
    std::uint8_t header_left_ = 0;  // and of its header
    State state_ = State::opening;
    bool goodbye_said_ = false;
};

static_assert(sizeof(WebSocketStream) <= 96);

}  // namespace martlet::transport
