#include "server/transport/websocket_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/assert.hpp"

namespace martlet::transport {

namespace {

// How much of a request is read at a time: all of most.
constexpr std::size_t request_helping = 2048;
// What one call reads at most when it finds nothing but control frames and empty ones.
constexpr int reads_per_call = 4;
// As many as a plain socket takes in one call.
constexpr std::size_t segments_max = 64;

}  // namespace

struct WebSocketStream::Opening {
    explicit Opening(std::shared_ptr<const WebSocketOptions> options)
        : handshake(std::move(options)) {}

    WebSocketHandshake handshake;
    bool inner_is_done = false;
    bool is_decided = false;
    std::size_t written = 0;  // of the answer
    std::string early;        // frames that came with the request
};

struct WebSocketStream::ControlOutput {
    // Has been offered to the inner stream, which may have kept a part of it: TLS wants the very
    // same bytes again.
    std::array<std::byte, 2 + control_payload_max> offered;
    std::size_t offered_size = 0;
    std::size_t written = 0;
    // The payload of the ping to answer next.
    std::array<std::byte, control_payload_max> next;
    std::size_t next_size = 0;
    bool has_next = false;

    void offer(FrameKind kind, protocol::Bytes payload) {
        std::array<std::byte, frame_header_max> header{};
        const std::size_t length = write_frame_header(header, kind, payload.size());
        std::copy_n(header.begin(), length, offered.begin());
        std::copy(payload.begin(), payload.end(),
                  offered.begin() + static_cast<std::ptrdiff_t>(length));
        offered_size = length + payload.size();
        written = 0;
    }
};

WebSocketStream::WebSocketStream(std::unique_ptr<Stream> inner,
                                 std::shared_ptr<const WebSocketOptions> options)
    : inner_(std::move(inner)), opening_(std::make_unique<Opening>(std::move(options))) {
}

WebSocketStream::~WebSocketStream() = default;

HandshakeStep WebSocketStream::handshake_step() const {
    return opening_ && !opening_->inner_is_done ? inner_->handshake_step() : HandshakeStep::upgrade;
}

StreamResult WebSocketStream::handshake() {
    MARTLET_ASSERT(opening_ != nullptr);
    if (!opening_->inner_is_done) {
        const StreamResult result = inner_->handshake();
        if (result.status != StreamStatus::ok) {
            return result;
        }
        opening_->inner_is_done = true;
    }
    if (!opening_->is_decided) {
        const StreamResult result = read_request();
        if (result.status != StreamStatus::ok) {
            return result;
        }
    }
    return write_answer();
}

// Reads until nothing more comes, since the end of the stream may have been told with what was
// there. A request is bounded, and so is this.
StreamResult WebSocketStream::read_request() {
    std::array<std::byte, request_helping> buffer;
    while (true) {
        const StreamResult result = inner_->read_some(buffer);
        if (result.bytes == 0) {
            return result;
        }
        if (opening_->handshake.take(std::span(buffer).first(result.bytes))) {
            opening_->is_decided = true;
            return {};
        }
    }
}

StreamResult WebSocketStream::write_answer() {
    WebSocketHandshake& upgrade = opening_->handshake;
    const std::string& answer = upgrade.answer();
    while (opening_->written < answer.size()) {
        const auto rest = std::as_bytes(std::span(answer)).subspan(opening_->written);
        const core::OutputSegment segment{rest.data(), rest.size()};
        const StreamResult result = inner_->write_some(std::span(&segment, 1), {});
        opening_->written += result.bytes;
        if (result.status != StreamStatus::ok && opening_->written < answer.size()) {
            return {result.status};
        }
    }
    if (!upgrade.is_accepted()) {
        state_ = State::faulted;
        return {StreamStatus::refused};
    }
    state_ = State::open;
    std::string early = upgrade.take_rest();
    if (early.empty()) {
        opening_.reset();
    } else {
        opening_->early = std::move(early);
    }
    return {};
}

StreamResult WebSocketStream::read_some(std::span<std::byte> into) {
    if (state_ == State::faulted) {
        return inner_->read_some(into);  // only to be thrown away
    }
    std::size_t total = 0;
    while (opening_ && state_ == State::open && total < into.size()) {
        total += take_early(into.subspan(total));
    }
    StreamResult read;
    for (int i = 0; i < reads_per_call && state_ == State::open && total < into.size(); ++i) {
        const std::span<std::byte> room = into.subspan(total);
        read = inner_->read_some(room);
        total += decode(room.first(read.bytes), room.data());
        // Nothing came of what was read: the stream may have more, or its end, to tell.
        if (read.status != StreamStatus::ok && (read.bytes == 0 || total != 0)) {
            break;
        }
    }
    if (control_ && state_ == State::open) {
        write_control();
    }
    switch (state_) {
        case State::ended:
            return {StreamStatus::end, total};
        case State::faulted:
            return {StreamStatus::refused, total};
        case State::opening:
        case State::open:
            break;
    }
    const bool is_settled = read.bytes == 0 || total != 0;
    if (total == into.size() || !is_settled) {
        return {StreamStatus::ok, total};
    }
    if (read.status == StreamStatus::end) {
        state_ = State::ended;
    }
    return {read.status, total};
}

// What came behind the request goes through the same decoder, in portions of the room there is.
std::size_t WebSocketStream::take_early(std::span<std::byte> into) {
    std::string& early = opening_->early;
    const std::size_t part = std::min(early.size(), into.size());
    std::memcpy(into.data(), early.data(), part);
    early.erase(0, part);
    if (early.empty()) {
        opening_.reset();
    }
    return decode(into.first(part), into.data());
}

// Returns how many bytes of payload have been put to `out`, where the bytes themselves are.
std::size_t WebSocketStream::decode(std::span<const std::byte> bytes, std::byte* out) {
    std::size_t total = 0;
    while (!bytes.empty() && state_ == State::open) {
        const FrameReader::Step step = reader_.take(bytes, out + total);
        bytes = bytes.subspan(step.consumed);
        total += step.payload;
        switch (step.event) {
            case FrameReader::Event::none:
                break;
            case FrameReader::Event::ping:
                note_ping(reader_.control_payload());
                break;
            case FrameReader::Event::close:
                state_ = State::ended;
                break;
            case FrameReader::Event::fault:
                state_ = State::faulted;
                break;
        }
    }
    return total;
}

void WebSocketStream::note_ping(protocol::Bytes payload) {
    if (goodbye_said_) {
        return;
    }
    if (!control_) {
        control_ = std::make_unique<ControlOutput>();
    }
    std::copy(payload.begin(), payload.end(), control_->next.begin());
    control_->next_size = payload.size();
    control_->has_next = true;
}

// Writes the pongs that are due, where a frame may begin.
StreamStatus WebSocketStream::write_control() {
    while (control_ && is_between_frames()) {
        if (control_->written == control_->offered_size) {
            if (!control_->has_next) {
                control_.reset();
                break;
            }
            control_->offer(FrameKind::pong,
                            protocol::Bytes(control_->next).first(control_->next_size));
            control_->has_next = false;
        }
        const core::OutputSegment segment{control_->offered.data() + control_->written,
                                          control_->offered_size - control_->written};
        const StreamResult result = inner_->write_some(std::span(&segment, 1), {});
        control_->written += result.bytes;
        if (result.status != StreamStatus::ok && result.bytes < segment.size) {
            return result.status;
        }
    }
    return StreamStatus::ok;
}

void WebSocketStream::begin_frame(std::span<const core::OutputSegment> segments) {
    for (const core::OutputSegment& segment :
         segments.first(std::min(segments.size(), segments_max - 1))) {
        frame_left_ += segment.size;
    }
    std::array<std::byte, frame_header_max> header{};
    header_left_ =
        static_cast<std::uint8_t>(write_frame_header(header, FrameKind::binary, frame_left_));
}

StreamResult WebSocketStream::write_some(std::span<const core::OutputSegment> segments,
                                         std::span<std::byte> scratch) {
    if (is_between_frames()) {
        const StreamStatus status = write_control();
        if (status != StreamStatus::ok || segments.empty()) {
            return {status};
        }
        begin_frame(segments);
    }
    std::array<core::OutputSegment, segments_max> parts;
    std::size_t count = 0;
    std::array<std::byte, frame_header_max> header{};
    if (header_left_ != 0) {
        const std::size_t length = write_frame_header(header, FrameKind::binary, frame_left_);
        parts[count++] = {header.data() + length - header_left_, header_left_};
    }
    // No more than the frame has room for: what has been added since begins the next one.
    std::uint64_t room = frame_left_;
    for (const core::OutputSegment& segment : segments) {
        if (room == 0 || count == parts.size()) {
            break;
        }
        parts[count] = {segment.data, std::min<std::size_t>(segment.size, room)};
        room -= parts[count++].size;
    }
    const StreamResult result = inner_->write_some(std::span(parts).first(count), scratch);
    const std::size_t of_header = std::min<std::size_t>(header_left_, result.bytes);
    header_left_ = static_cast<std::uint8_t>(header_left_ - of_header);
    frame_left_ -= result.bytes - of_header;
    return {result.status, result.bytes - of_header};
}

CloseCode WebSocketStream::goodbye_code(core::CloseReason reason) const {
    if (reader_.fault() != FrameFault::none) {
        return close_code(reader_.fault());
    }
    switch (reason) {
        case core::CloseReason::shutting_down:
            return CloseCode::going_away;
        case core::CloseReason::protocol_error:
            return CloseCode::protocol_error;
        case core::CloseReason::too_large:
            return CloseCode::too_large;
        case core::CloseReason::refused:
        case core::CloseReason::keep_alive_timeout:
        case core::CloseReason::quota:
        case core::CloseReason::not_permitted:
        case core::CloseReason::administrative:
            return CloseCode::policy_violation;
        case core::CloseReason::client_disconnected:
        case core::CloseReason::peer_closed:
        case core::CloseReason::session_taken_over:
        case core::CloseReason::network_error:
            break;
    }
    return CloseCode::normal;
}

// Also the answer to the peer's Close: what it says there about its reasons is not of interest.
void WebSocketStream::say_goodbye(core::CloseReason reason) {
    const bool was_upgraded =
        state_ != State::opening && (!opening_ || opening_->handshake.is_accepted());
    const bool may_begin =
        is_between_frames() && (!control_ || control_->written == control_->offered_size);
    if (was_upgraded && may_begin && !goodbye_said_) {
        const auto code = static_cast<std::uint16_t>(goodbye_code(reason));
        const std::array payload{static_cast<std::byte>(code >> 8U), static_cast<std::byte>(code)};
        ControlOutput close;
        close.offer(FrameKind::close, payload);
        const core::OutputSegment segment{close.offered.data(), close.offered_size};
        inner_->write_some(std::span(&segment, 1), {});
    }
    goodbye_said_ = true;
    control_.reset();
    inner_->say_goodbye(reason);
}

std::string WebSocketStream::failure() const {
    if (opening_ && !opening_->handshake.is_accepted()) {
        return opening_->handshake.refusal();
    }
    return reader_.fault() != FrameFault::none ? std::string(describe(reader_.fault()))
                                               : inner_->failure();
}

}  // namespace martlet::transport
