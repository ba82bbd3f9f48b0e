// The stream alone, over one that takes and gives as the test says.
#include "server/transport/websocket_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tests/transport/websocket_bytes.hpp"

namespace martlet::transport::tests {

namespace {

// Gives what is in `input`, takes `room` bytes, and remembers.
class FakeStream final : public Stream {
public:
    std::string input;
    std::string output;
    std::size_t room = 1'000'000;
    std::size_t helping = 1'000'000;  // read at most at once
    bool input_ends = false;
    int writes = 0;

    StreamResult handshake() override { return {}; }
    StreamResult read_some(std::span<std::byte> into) override {
        const std::size_t size = std::min({into.size(), input.size(), helping});
        std::memcpy(into.data(), input.data(), size);
        input.erase(0, size);
        if (size == into.size() && size != 0) {
            return {StreamStatus::ok, size};
        }
        const bool is_over = size == 0 && input_ends;
        return {is_over ? StreamStatus::end : StreamStatus::wants_read, size};
    }
    StreamResult write_some(std::span<const core::OutputSegment> segments,
                            std::span<std::byte> /*scratch*/) override {
        ++writes;
        std::size_t written = 0;
        for (const core::OutputSegment& segment : segments) {
            const std::size_t part = std::min(segment.size, room);
            output.append(reinterpret_cast<const char*>(segment.data), part);
            room -= part;
            written += part;
            if (part < segment.size) {
                return {StreamStatus::wants_write, written};
            }
        }
        return {StreamStatus::ok, written};
    }
    void say_goodbye(core::CloseReason /*reason*/) override { output += "<goodbye>"; }
    bool is_secure() const override { return true; }
    std::string peer_identity() const override { return "me"; }
    std::string forwarded_peer() const override { return "1.2.3.4:5"; }
    std::string failure() const override { return "inner"; }
};

struct Fixture {
    FakeStream* inner = nullptr;  // owned by the stream
    std::unique_ptr<WebSocketStream> stream;

    Fixture() {
        auto owned = std::make_unique<FakeStream>();
        inner = owned.get();
        stream = std::make_unique<WebSocketStream>(std::move(owned),
                                                   std::make_shared<const WebSocketOptions>());
    }

    void open() {
        inner->input = upgrade_request();
        REQUIRE(stream->handshake().status == StreamStatus::ok);
        REQUIRE(inner->output == upgrade_answer);
        inner->output.clear();
    }

    struct Read {
        std::string text;
        StreamStatus status;
    };
    // In rooms of `size`, until there is no more.
    Read read(std::size_t size = 4096) const {
        std::vector<std::byte> room(size);
        Read result{{}, StreamStatus::ok};
        while (result.status == StreamStatus::ok) {
            const StreamResult read = stream->read_some(room);
            result.text.append(reinterpret_cast<const char*>(room.data()), read.bytes);
            result.status = read.status;
        }
        return result;
    }

    StreamResult write(const std::vector<std::string>& parts) const {
        std::vector<core::OutputSegment> segments;
        for (const std::string& part : parts) {
            segments.push_back({reinterpret_cast<const std::byte*>(part.data()), part.size()});
        }
        return stream->write_some(segments, {});
    }
};

}  // namespace

TEST_CASE("websocket stream: a request may come and its answer go byte by byte") {
    Fixture fixture;
    fixture.inner->room = 0;
    for (const char byte : upgrade_request()) {
        CHECK(fixture.stream->handshake().status == StreamStatus::wants_read);
        fixture.inner->input = std::string(1, byte);
    }
    while (fixture.stream->handshake().status == StreamStatus::wants_write) {
        fixture.inner->room = 1;
    }
    CHECK(fixture.inner->output == upgrade_answer);
    CHECK(fixture.stream->is_secure());
    CHECK(fixture.stream->peer_identity() == "me");
    CHECK(fixture.stream->forwarded_peer() == "1.2.3.4:5");
}

TEST_CASE("websocket stream: frames that came with the request are read first") {
    for (const std::size_t room : {1, 3, 4096}) {
        Fixture fixture;
        fixture.inner->input = upgrade_request() + message("early") + frame(binary, "and");
        REQUIRE(fixture.stream->handshake().status == StreamStatus::ok);
        fixture.inner->input = frame(final_bit | continuation, "late");
        CHECK(fixture.read(room).text == "earlyandlate");
    }
}

TEST_CASE("websocket stream: who is refused gets the answer and no frames") {
    Fixture fixture;
    fixture.inner->input = upgrade_request("/", "");
    CHECK(fixture.stream->handshake().status == StreamStatus::refused);
    CHECK(fixture.stream->failure().starts_with("400 Bad Request: "));
    fixture.stream->say_goodbye(core::CloseReason::protocol_error);
    CHECK(fixture.inner->output.starts_with("HTTP/1.1 400 "));
    CHECK(fixture.inner->output.ends_with("offered.\n<goodbye>"));
    CHECK(!fixture.stream->expects_goodbye());
}

TEST_CASE("websocket stream: an end within the request is an end") {
    Fixture fixture;
    fixture.inner->input = upgrade_request().substr(0, 20);
    fixture.inner->input_ends = true;
    CHECK(fixture.stream->handshake().status == StreamStatus::end);
}

TEST_CASE("websocket stream: payload is the same for any split and any room") {
    const std::string payload(3000, 'p');
    const std::string bytes = message("a") + frame(binary, payload) + frame(final_bit | pong, "") +
                              frame(final_bit | continuation, "") + message("z");
    for (const std::size_t helping : {1, 2, 5, 100, 1000, 100'000}) {
        for (const std::size_t room : {1, 7, 64, 4096}) {
            CAPTURE(helping);
            CAPTURE(room);
            Fixture fixture;
            fixture.open();
            fixture.inner->helping = helping;
            std::string text;
            fixture.inner->input = bytes;
            while (!fixture.inner->input.empty()) {
                text += fixture.read(room).text;
            }
            CHECK(text == "a" + payload + "z");
        }
    }
}

TEST_CASE("websocket stream: an end behind frames without payload is not overlooked") {
    Fixture fixture;
    fixture.open();
    fixture.inner->input = frame(final_bit | pong, "x");
    fixture.inner->input_ends = true;
    CHECK(fixture.read().status == StreamStatus::end);
    CHECK(!fixture.stream->expects_goodbye());
}

TEST_CASE("websocket stream: segments of one call share a frame") {
    Fixture fixture;
    fixture.open();
    CHECK(fixture.write({"one ", "two ", "three"}).bytes == 13);
    CHECK(fixture.inner->output == server_frame(binary, "one two three"));
    CHECK(fixture.inner->writes == 2);  // with the answer to the request
}

TEST_CASE("websocket stream: a frame that was begun goes on wherever it was interrupted") {
    const std::string text(200, 't');
    const std::string expected = server_frame(binary, text + text) + server_frame(binary, "more");
    for (std::size_t first = 0; first < expected.size(); ++first) {
        CAPTURE(first);
        Fixture fixture;
        fixture.open();
        fixture.inner->room = first;
        std::string waiting = text + text;
        StreamResult result = fixture.write({text, text});
        waiting.erase(0, result.bytes);
        waiting += "more";
        while (!waiting.empty()) {
            fixture.inner->room = 50;
            result = fixture.write({waiting});
            waiting.erase(0, result.bytes);
        }
        if (first < server_frame(binary, text + text).size()) {
            CHECK(fixture.inner->output == expected);
        }
    }
}

TEST_CASE("websocket stream: more segments than fit one call do not break the frame") {
    Fixture fixture;
    fixture.open();
    const std::vector<std::string> parts(64, "0123456789");
    CHECK(fixture.write(parts).bytes == 630);
    CHECK(fixture.inner->output == server_frame(binary, std::string(fixture.inner->output, 4)));
}

TEST_CASE("websocket stream: a ping is answered at once and unasked pongs are not") {
    Fixture fixture;
    fixture.open();
    fixture.inner->input = frame(final_bit | ping, "hello") + frame(final_bit | pong, "x");
    CHECK(fixture.read().text == "");
    CHECK(fixture.inner->output == server_frame(pong, "hello"));
    CHECK(!fixture.stream->has_output());
}

TEST_CASE("websocket stream: of many pings at once the last is answered") {
    Fixture fixture;
    fixture.open();
    for (int i = 0; i < 10; ++i) {
        fixture.inner->input += frame(final_bit | ping, std::to_string(i));
    }
    fixture.read();
    CHECK(fixture.inner->output == server_frame(pong, "9"));
}

TEST_CASE("websocket stream: a pong waits for the end of a frame and for the network") {
    Fixture fixture;
    fixture.open();
    fixture.inner->room = 5;
    CHECK(fixture.write({"abcdef"}).bytes == 3);
    fixture.inner->input = frame(final_bit | ping, "1");
    fixture.read();
    CHECK(fixture.stream->has_output());
    fixture.inner->input = frame(final_bit | ping, "2");
    fixture.read();
    CHECK(fixture.inner->output == server_frame(binary, "abcdef").substr(0, 5));
    fixture.inner->room = 4;
    CHECK(fixture.write({"def"}).bytes == 3);
    // One byte of the pong is out: it can not be replaced any more.
    CHECK(fixture.write({}).status == StreamStatus::wants_write);
    fixture.inner->input = frame(final_bit | ping, "3");
    fixture.read();
    fixture.inner->room = 100;
    CHECK(fixture.write({"g"}).bytes == 1);
    CHECK(fixture.inner->output == server_frame(binary, "abcdef") + server_frame(pong, "2") +
                                       server_frame(pong, "3") + server_frame(binary, "g"));
    CHECK(!fixture.stream->has_output());
}

TEST_CASE("websocket stream: a close is an end and is answered by one") {
    Fixture fixture;
    fixture.open();
    CHECK(fixture.stream->expects_goodbye());
    fixture.inner->input =
        message("last") + frame(final_bit | close_frame, close_payload(1001)) + message("never");
    const Fixture::Read read = fixture.read();
    CHECK(read.text == "last");
    CHECK(read.status == StreamStatus::end);
    CHECK(fixture.read().status == StreamStatus::end);
    CHECK(!fixture.stream->expects_goodbye());
    fixture.stream->say_goodbye(core::CloseReason::peer_closed);
    CHECK(fixture.inner->output == server_frame(close_frame, close_payload(1000)) + "<goodbye>");
}

TEST_CASE("websocket stream: the goodbye says why") {
    const auto code_of = [](core::CloseReason reason) {
        Fixture fixture;
        fixture.open();
        fixture.stream->say_goodbye(reason);
        fixture.stream->say_goodbye(reason);
        CHECK(fixture.inner->output.size() == 4 + 2 * std::string_view("<goodbye>").size());
        return fixture.inner->output.substr(2, 2);
    };
    CHECK(code_of(core::CloseReason::client_disconnected) == close_payload(1000));
    CHECK(code_of(core::CloseReason::shutting_down) == close_payload(1001));
    CHECK(code_of(core::CloseReason::protocol_error) == close_payload(1002));
    CHECK(code_of(core::CloseReason::refused) == close_payload(1008));
    CHECK(code_of(core::CloseReason::too_large) == close_payload(1009));
}

TEST_CASE("websocket stream: a broken rule is told by its code and what follows is thrown away") {
    const auto code_of = [](const std::string& bytes) {
        Fixture fixture;
        fixture.open();
        fixture.inner->input = message("good") + bytes + std::string(100, 'x');
        std::array<std::byte, 64> room;
        const StreamResult read = fixture.stream->read_some(room);
        CHECK(read.bytes == 4);
        CHECK(read.status == StreamStatus::refused);
        CHECK(fixture.stream->failure().starts_with("WebSocket: "));
        CHECK(!fixture.stream->expects_goodbye());
        fixture.stream->say_goodbye(core::CloseReason::protocol_error);
        while (!fixture.inner->input.empty()) {
            fixture.stream->read_some(room);
        }
        return fixture.inner->output.substr(2, 2);
    };
    CHECK(code_of(frame(final_bit | text_frame, "t")) == close_payload(1003));
    CHECK(code_of(server_frame(binary, "unmasked")) == close_payload(1002));
    CHECK(code_of("\x82\xFF" + big_endian(1ULL << 40U, 8)) == close_payload(1009));
}

TEST_CASE("websocket stream: nothing is said in the middle of a frame") {
    Fixture fixture;
    fixture.open();
    fixture.inner->room = 4;
    fixture.write({"abcdef"});
    fixture.stream->say_goodbye(core::CloseReason::quota);
    CHECK(fixture.inner->output ==
          "\x82\x06"
          "ab<goodbye>");
}

TEST_CASE("websocket stream: after its goodbye it waits for the peer's alone") {
    Fixture fixture;
    fixture.open();
    fixture.stream->say_goodbye(core::CloseReason::client_disconnected);
    fixture.inner->input = frame(final_bit | ping, "still there?");
    CHECK(fixture.read().status == StreamStatus::wants_read);
    CHECK(!fixture.stream->has_output());
    fixture.inner->input = frame(final_bit | close_frame, "");
    CHECK(fixture.read().status == StreamStatus::end);
}

}  // namespace martlet::transport::tests
