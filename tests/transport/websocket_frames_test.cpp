// The rules of frames, each by its bytes.
#include <doctest/doctest.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "server/transport/websocket_frames.hpp"
#include "tests/transport/websocket_bytes.hpp"

namespace martlet::transport::tests {

namespace {

struct Outcome {
    std::string payload;
    std::vector<std::string> pings;
    std::string close;
    FrameFault fault = FrameFault::none;
    bool is_closed = false;
};

// Reads in pieces of `piece` bytes, unmasking in place as the stream does.
Outcome read(std::string_view input, std::size_t piece) {
    FrameReader reader;
    Outcome outcome;
    while (!input.empty() && outcome.fault == FrameFault::none && !outcome.is_closed) {
        std::string bytes(input.substr(0, piece));
        input.remove_prefix(bytes.size());
        auto* const out = reinterpret_cast<std::byte*>(bytes.data());
        std::size_t consumed = 0;
        std::size_t produced = 0;
        while (consumed < bytes.size() && outcome.fault == FrameFault::none && !outcome.is_closed) {
            const auto rest = std::as_bytes(std::span(bytes)).subspan(consumed);
            const FrameReader::Step step = reader.take(rest, out + produced);
            consumed += step.consumed;
            produced += step.payload;
            const std::string control(protocol::as_text(reader.control_payload()));
            switch (step.event) {
                case FrameReader::Event::none:
                    CHECK(consumed == bytes.size());
                    break;
                case FrameReader::Event::ping:
                    outcome.pings.push_back(control);
                    break;
                case FrameReader::Event::close:
                    outcome.close = control;
                    outcome.is_closed = true;
                    break;
                case FrameReader::Event::fault:
                    outcome.fault = reader.fault();
                    break;
            }
        }
        outcome.payload.append(bytes, 0, produced);
    }
    return outcome;
}

// The same however the bytes are split.
Outcome read_split(const std::string& input) {
    Outcome whole = read(input, input.size());
    for (const std::size_t piece : {1, 2, 3, 7, 13, 64}) {
        const Outcome split = read(input, piece);
        CHECK(split.payload == whole.payload);
        CHECK(split.pings == whole.pings);
        CHECK(split.close == whole.close);
        CHECK(split.fault == whole.fault);
    }
    return whole;
}

FrameFault fault_of(const std::string& input) {
    return read_split(input).fault;
}

std::string numbers(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        text += static_cast<char>(i * 7 + i / 256);
    }
    return text;
}

}  // namespace

TEST_CASE("websocket frames: payloads of every kind of length are unmasked") {
    for (const std::size_t size : {0, 1, 2, 7, 8, 9, 125, 126, 127, 1000, 65'535, 65'536, 70'001}) {
        CAPTURE(size);
        const std::string payload = numbers(size);
        const Outcome outcome = read_split(message(payload) + message("next"));
        CHECK(outcome.fault == FrameFault::none);
        CHECK(outcome.payload == payload + "next");
    }
}

TEST_CASE("websocket frames: a message may come in fragments with control frames between") {
    const Outcome outcome = read_split(
        frame(binary, "one ") + frame(final_bit | ping, "a") + frame(continuation, "") +
        frame(continuation, "two ") + frame(final_bit | pong, "unasked") +
        frame(final_bit | ping, numbers(125)) + frame(final_bit | continuation, "three"));
    CHECK(outcome.fault == FrameFault::none);
    CHECK(outcome.payload == "one two three");
    CHECK(outcome.pings == std::vector<std::string>{"a", numbers(125)});
}

TEST_CASE("websocket frames: an empty ping and an empty close") {
    const Outcome outcome =
        read_split(frame(final_bit | ping, "") + frame(final_bit | close_frame, ""));
    CHECK(outcome.pings == std::vector<std::string>{""});
    CHECK(outcome.is_closed);
    CHECK(outcome.close == "");
}

TEST_CASE("websocket frames: a close carries a code that may be sent") {
    for (const std::uint16_t code :
         std::initializer_list<std::uint16_t>{1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999}) {
        CAPTURE(code);
        const std::string payload = close_payload(code, "bye");
        const Outcome outcome = read_split(frame(final_bit | close_frame, payload));
        CHECK(outcome.is_closed);
        CHECK(outcome.close == payload);
    }
    for (const std::uint16_t code :
         std::initializer_list<std::uint16_t>{0, 999, 1004, 1005, 1006, 1015, 2999, 5000}) {
        CAPTURE(code);
        CHECK(fault_of(frame(final_bit | close_frame, close_payload(code))) ==
              FrameFault::close_code);
    }
    CHECK(fault_of(frame(final_bit | close_frame, "x")) == FrameFault::close_code);
}

TEST_CASE("websocket frames: what no client may send is a fault") {
    CHECK(fault_of(frame(final_bit | text_frame, "hi")) == FrameFault::text);
    CHECK(fault_of(frame(text_frame, "hi")) == FrameFault::text);
    CHECK(fault_of(server_frame(binary, "hi")) == FrameFault::unmasked);
    CHECK(fault_of(server_frame(ping, "")) == FrameFault::unmasked);
    for (const int bit : {0x10, 0x20, 0x40}) {
        CHECK(fault_of(frame(static_cast<std::uint8_t>(final_bit | bit | binary), "hi")) ==
              FrameFault::reserved_bits);
    }
    for (const int kind : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
        CHECK(fault_of(frame(static_cast<std::uint8_t>(final_bit | kind), "hi")) ==
              FrameFault::reserved_kind);
    }
    for (const std::uint8_t kind : {close_frame, ping, pong}) {
        CHECK(fault_of(frame(kind, "")) == FrameFault::control_split);
        CHECK(fault_of(frame(final_bit | kind, numbers(126))) == FrameFault::control_too_long);
    }
    CHECK(fault_of(frame(binary, "a") + frame(final_bit | binary, "b")) ==
          FrameFault::message_in_message);
    CHECK(fault_of(frame(final_bit | continuation, "a")) == FrameFault::continues_nothing);
    CHECK(fault_of(message("a") + frame(continuation, "a")) == FrameFault::continues_nothing);
}

TEST_CASE("websocket frames: lengths are minimal and bounded by what MQTT can say") {
    const std::string begin(1, static_cast<char>(final_bit | binary));
    CHECK(fault_of(begin + "\xFE" + big_endian(125, 2)) == FrameFault::length_not_minimal);
    CHECK(fault_of(begin + "\xFF" + big_endian(65'535, 8)) == FrameFault::length_not_minimal);
    CHECK(fault_of(begin + "\xFF" + big_endian(1ULL << 63U, 8)) == FrameFault::length_negative);
    CHECK(fault_of(begin + "\xFF" + big_endian(frame_payload_max + 1, 8)) == FrameFault::too_large);
    CHECK(fault_of(begin + "\xFF" + big_endian(frame_payload_max, 8) + "mask") == FrameFault::none);
}

TEST_CASE("websocket frames: each fault has its code and its words") {
    for (int i = 1; i <= static_cast<int>(FrameFault::close_code); ++i) {
        CHECK(describe(static_cast<FrameFault>(i)).starts_with("WebSocket: "));
    }
    CHECK(close_code(FrameFault::text) == CloseCode::unsupported_data);
    CHECK(close_code(FrameFault::too_large) == CloseCode::too_large);
    CHECK(close_code(FrameFault::unmasked) == CloseCode::protocol_error);
}

TEST_CASE("websocket frames: what was read before a fault is handed on") {
    CHECK(read_split(message("good") + frame(final_bit | text_frame, "bad")).payload == "good");
}

TEST_CASE("websocket frames: headers are written in the shortest form") {
    std::array<std::byte, frame_header_max> header{};
    const auto written = [&](std::uint64_t size) {
        const std::size_t length = write_frame_header(header, FrameKind::binary, size);
        return std::string(protocol::as_text(protocol::Bytes(header).first(length)));
    };
    for (const std::uint64_t size : {0ULL, 125ULL, 126ULL, 65'535ULL, 65'536ULL, 1ULL << 32U}) {
        CHECK(written(size) == "\x82" + length_field(size, 0));
    }
}

}  // namespace martlet::transport::tests
