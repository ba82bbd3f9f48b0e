// The frames of RFC 6455, as a server reads and writes them: bytes in, payload out, no socket.
//
// Not Boost.Beast's websocket::stream. That one is bound to an executor, through timers and
// handlers of its own, so it cannot move to another shard; in its synchronous calls every error is
// the end of the connection, would_block included (check_stop_now() in beast/websocket/impl/
// stream_impl.hpp); and it holds several KiB for each connection. What MQTT needs is little: no
// extensions, no text, no message boundaries (a packet may be split over frames in any way).
//
// A frame is never held whole: its payload is unmasked and handed on as it comes, so a length that
// is announced costs nothing, and is bounded only because nobody who speaks MQTT announces more
// than the largest packet there is. Only a control frame (125 bytes at most) is gathered, in memory
// that is gone with it. Ownership: a reader owns its bytes. Threading: the thread of the shard its
// Connection is on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/byte_reader.hpp"

namespace martlet::transport {

enum class FrameKind : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
};

// What a Close frame says, of the codes that are used here (RFC 6455, 7.4.1).
enum class CloseCode : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    policy_violation = 1008,
    too_large = 1009,
};

// Which rule a frame broke.
enum class FrameFault : std::uint8_t {
    none,
    reserved_bits,
    reserved_kind,
    text,
    unmasked,
    control_split,
    control_too_long,
    message_in_message,
    continues_nothing,
    length_not_minimal,
    length_negative,
    too_large,
    close_code,
};

CloseCode close_code(FrameFault fault);
std::string_view describe(FrameFault fault);

inline constexpr std::size_t control_payload_max = 125;
inline constexpr std::uint64_t frame_payload_max = 268'435'460;  // the largest packet of MQTT

class FrameReader {
public:
    enum class Event : std::uint8_t { none, ping, close, fault };

    struct Step {
        Event event = Event::none;
        std::size_t consumed = 0;  // of the bytes given; with `none` all of them
        std::size_t payload = 0;   // bytes of data frames that were put out
    };

    // Takes bytes up to their end or to an event, whichever comes first. The payload of data frames
    // goes to `payload`, which may be where the bytes are (or before, never behind). After a fault
    // there is nothing more to be read.
    Step take(std::span<const std::byte> bytes, std::byte* payload);

    // Of the ping or close that was told last, until take() is called again.
    protocol::Bytes control_payload() const;
    FrameFault fault() const { return fault_; }

private:
    struct Control {
        std::uint8_t size = 0;
        std::array<std::byte, control_payload_max> bytes;
    };

    std::size_t take_header(std::span<const std::byte> bytes);
    std::size_t header_length() const;
    std::uint64_t payload_length() const;
    bool is_control() const;
    FrameFault check_header() const;
    FrameFault check_first_byte() const;
    FrameFault check_second_byte() const;
    FrameFault check_length() const;
    void begin_payload();
    void take_payload(std::span<const std::byte> bytes, std::byte* out);
    Event end_frame();

    std::unique_ptr<Control> control_;
    std::uint32_t left_ = 0;              // of the frame's payload
    std::array<std::byte, 4> mask_{};     // turned so that it begins with the next byte's
    std::array<std::byte, 14> header_{};  // of the frame that is being read
    std::uint8_t header_size_ = 0;        // what has come of it
    FrameFault fault_ = FrameFault::none;
    FrameKind kind_ = FrameKind::binary;
    bool in_payload_ = false;
    bool in_message_ = false;  // whose last frame has not come yet
};

static_assert(sizeof(FrameReader) <= 40);

// The longest header of a frame that is not masked.
inline constexpr std::size_t frame_header_max = 10;

// Writes the header of an unfragmented frame; returns its length.
std::size_t write_frame_header(std::span<std::byte, frame_header_max> out, FrameKind kind,
                               std::uint64_t payload);

}  // namespace martlet::transport
