#include "server/transport/websocket_frames.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/assert.hpp"

namespace martlet::transport {

namespace {

constexpr std::byte final_bit{0x80};
constexpr std::byte reserved_bits{0x70};
constexpr std::byte kind_bits{0x0F};
constexpr std::byte mask_bit{0x80};
constexpr std::byte length_bits{0x7F};
constexpr std::byte control_bit{0x08};

// Values of the length bits that say how long the length behind them is.
constexpr unsigned length_in_2_bytes = 126;
constexpr unsigned length_in_8_bytes = 127;

unsigned number(std::byte byte) {
    return std::to_integer<unsigned>(byte);
}

// Also when `out` overlaps the bytes from before: a word is read before it is written over.
void unmask(std::span<const std::byte> bytes, std::array<std::byte, 4> mask, std::byte* out) {
    std::array<std::byte, 8> twice;
    std::copy(mask.begin(), mask.end(), twice.begin());
    std::copy(mask.begin(), mask.end(), twice.begin() + 4);
    std::uint64_t mask_word = 0;
    std::memcpy(&mask_word, twice.data(), sizeof(mask_word));
    std::size_t i = 0;
    for (; i + sizeof(mask_word) <= bytes.size(); i += sizeof(mask_word)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + i, sizeof(word));
        word ^= mask_word;
        std::memcpy(out + i, &word, sizeof(word));
    }
    for (; i < bytes.size(); ++i) {
        out[i] = bytes[i] ^ mask[i % mask.size()];
    }
}

// Those that may stand in a frame (RFC 6455, 7.4).
bool is_sendable(unsigned code) {
    constexpr unsigned reserved = 1004;
    constexpr unsigned no_status = 1005;
    constexpr unsigned abnormal = 1006;
    constexpr unsigned defined_end = 1015;
    constexpr unsigned private_begin = 3000;
    constexpr unsigned private_end = 5000;
    const bool is_defined = code >= 1000 && code < defined_end && code != reserved &&
                            code != no_status && code != abnormal;
    return is_defined || (code >= private_begin && code < private_end);
}

}  // namespace

CloseCode close_code(FrameFault fault) {
    switch (fault) {
        case FrameFault::none:
            return CloseCode::normal;
        case FrameFault::text:
            return CloseCode::unsupported_data;
        case FrameFault::too_large:
            return CloseCode::too_large;
        case FrameFault::reserved_bits:
        case FrameFault::reserved_kind:
        case FrameFault::unmasked:
        case FrameFault::control_split:
        case FrameFault::control_too_long:
        case FrameFault::message_in_message:
        case FrameFault::continues_nothing:
        case FrameFault::length_not_minimal:
        case FrameFault::length_negative:
        case FrameFault::close_code:
            break;
    }
    return CloseCode::protocol_error;
}

std::string_view describe(FrameFault fault) {
    switch (fault) {
        case FrameFault::none:
            break;
        case FrameFault::reserved_bits:
            return "WebSocket: reserved bits are set";
        case FrameFault::reserved_kind:
            return "WebSocket: an unknown kind of frame";
        case FrameFault::text:
            return "WebSocket: a text frame, MQTT comes in binary ones";
        case FrameFault::unmasked:
            return "WebSocket: a frame that is not masked";
        case FrameFault::control_split:
            return "WebSocket: a control frame in pieces";
        case FrameFault::control_too_long:
            return "WebSocket: a control frame of more than 125 bytes";
        case FrameFault::message_in_message:
            return "WebSocket: a message within another";
        case FrameFault::continues_nothing:
            return "WebSocket: a continuation of nothing";
        case FrameFault::length_not_minimal:
            return "WebSocket: a length in more bytes than it needs";
        case FrameFault::length_negative:
            return "WebSocket: a length with its highest bit set";
        case FrameFault::too_large:
            return "WebSocket: a frame larger than any MQTT packet";
        case FrameFault::close_code:
            return "WebSocket: a Close frame with an impossible code";
    }
    return {};
}

FrameReader::Step FrameReader::take(std::span<const std::byte> bytes, std::byte* payload) {
    MARTLET_ASSERT(fault_ == FrameFault::none);
    if (!in_payload_) {
        control_.reset();
    }
    Step step;
    while (step.consumed < bytes.size()) {
        if (!in_payload_) {
            step.consumed += take_header(bytes.subspan(step.consumed));
            if (fault_ != FrameFault::none) {
                step.event = Event::fault;
                return step;
            }
            if (!in_payload_) {
                return step;
            }
        }
        const std::size_t part = std::min<std::size_t>(left_, bytes.size() - step.consumed);
        take_payload(bytes.subspan(step.consumed, part), payload + step.payload);
        step.consumed += part;
        step.payload += is_control() ? 0 : part;
        if (left_ != 0) {
            return step;
        }
        step.event = end_frame();
        if (step.event != Event::none) {
            return step;
        }
    }
    return step;
}

protocol::Bytes FrameReader::control_payload() const {
    return control_ ? protocol::Bytes(control_->bytes).first(control_->size) : protocol::Bytes();
}

bool FrameReader::is_control() const {
    return kind_ == FrameKind::close || kind_ == FrameKind::ping || kind_ == FrameKind::pong;
}

// Each byte is judged as it comes: a fault is told at once, not when the header is whole.
std::size_t FrameReader::take_header(std::span<const std::byte> bytes) {
    std::size_t used = 0;
    while (used < bytes.size()) {
        header_[header_size_++] = bytes[used++];
        fault_ = check_header();
        if (fault_ != FrameFault::none) {
            break;
        }
        if (header_size_ >= 2 && header_size_ == header_length()) {
            begin_payload();
            break;
        }
    }
    return used;
}

std::size_t FrameReader::header_length() const {
    const unsigned length = number(header_[1] & length_bits);
    const std::size_t extension = length == length_in_2_bytes   ? 2
                                  : length == length_in_8_bytes ? 8
                                                                : 0;
    return 2 + extension + mask_.size();
}

std::uint64_t FrameReader::payload_length() const {
    const std::size_t end = header_length() - mask_.size();
    if (end == 2) {
        return number(header_[1] & length_bits);
    }
    std::uint64_t length = 0;
    for (std::size_t i = 2; i < end; ++i) {
        length = length << 8U | number(header_[i]);
    }
    return length;
}

FrameFault FrameReader::check_header() const {
    if (header_size_ == 1) {
        return check_first_byte();
    }
    if (header_size_ == 2) {
        return check_second_byte();
    }
    return header_size_ == header_length() - mask_.size() ? check_length() : FrameFault::none;
}

FrameFault FrameReader::check_first_byte() const {
    if ((header_[0] & reserved_bits) != std::byte{0}) {
        return FrameFault::reserved_bits;
    }
    switch (static_cast<FrameKind>(header_[0] & kind_bits)) {
        case FrameKind::continuation:
            return in_message_ ? FrameFault::none : FrameFault::continues_nothing;
        case FrameKind::binary:
            return in_message_ ? FrameFault::message_in_message : FrameFault::none;
        case FrameKind::text:
            return FrameFault::text;  // [v3.1.1 MQTT-6.0.0-1] [v5 MQTT-6.0.0-1]
        case FrameKind::close:
        case FrameKind::ping:
        case FrameKind::pong:
            return (header_[0] & final_bit) == std::byte{0} ? FrameFault::control_split
                                                            : FrameFault::none;
    }
    return FrameFault::reserved_kind;
}

FrameFault FrameReader::check_second_byte() const {
    if ((header_[1] & mask_bit) == std::byte{0}) {
        return FrameFault::unmasked;
    }
    const bool is_control_frame = (header_[0] & control_bit) != std::byte{0};
    return is_control_frame && number(header_[1] & length_bits) > control_payload_max
               ? FrameFault::control_too_long
               : FrameFault::none;
}

FrameFault FrameReader::check_length() const {
    constexpr std::uint64_t highest_bit = 1ULL << 63U;
    const bool is_long = number(header_[1] & length_bits) == length_in_8_bytes;
    const std::uint64_t length = payload_length();
    if ((length & highest_bit) != 0) {
        return FrameFault::length_negative;
    }
    if (length <= (is_long ? 0xFFFFU : control_payload_max)) {
        return FrameFault::length_not_minimal;
    }
    return length > frame_payload_max ? FrameFault::too_large : FrameFault::none;
}

void FrameReader::begin_payload() {
    const std::size_t length = header_length();
    kind_ = static_cast<FrameKind>(header_[0] & kind_bits);
    left_ = static_cast<std::uint32_t>(payload_length());
    std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(length - mask_.size()), mask_.size(),
                mask_.begin());
    header_size_ = 0;
    in_payload_ = true;
    if (!is_control()) {
        in_message_ = (header_[0] & final_bit) == std::byte{0};
    } else if (left_ != 0 && kind_ != FrameKind::pong) {
        control_ = std::make_unique<Control>();
    }
}

void FrameReader::take_payload(std::span<const std::byte> bytes, std::byte* out) {
    left_ -= static_cast<std::uint32_t>(bytes.size());
    if (control_) {
        unmask(bytes, mask_, control_->bytes.data() + control_->size);
        control_->size = static_cast<std::uint8_t>(control_->size + bytes.size());
    } else if (kind_ != FrameKind::pong) {
        unmask(bytes, mask_, out);
    }
    std::rotate(mask_.begin(),
                mask_.begin() + static_cast<std::ptrdiff_t>(bytes.size() % mask_.size()),
                mask_.end());
}

FrameReader::Event FrameReader::end_frame() {
    in_payload_ = false;
    if (kind_ == FrameKind::ping) {
        return Event::ping;
    }
    if (kind_ != FrameKind::close) {
        return Event::none;
    }
    const protocol::Bytes said = control_payload();
    if (!said.empty() &&
        (said.size() == 1 || !is_sendable(number(said[0]) << 8U | number(said[1])))) {
        fault_ = FrameFault::close_code;
        return Event::fault;
    }
    return Event::close;
}

std::size_t write_frame_header(std::span<std::byte, frame_header_max> out, FrameKind kind,
                               std::uint64_t payload) {
    out[0] = final_bit | static_cast<std::byte>(kind);
    std::size_t extension = 0;
    if (payload <= control_payload_max) {
        out[1] = static_cast<std::byte>(payload);
    } else if (payload <= 0xFFFF) {
        out[1] = static_cast<std::byte>(length_in_2_bytes);
        extension = 2;
    } else {
        out[1] = static_cast<std::byte>(length_in_8_bytes);
        extension = 8;
    }
    for (std::size_t i = 0; i < extension; ++i) {
        out[1 + extension - i] = static_cast<std::byte>(payload >> (8 * i));
    }
    return 2 + extension;
}

}  // namespace martlet::transport
