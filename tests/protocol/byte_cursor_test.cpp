#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "protocol/byte_reader.hpp"
#include "protocol/byte_writer.hpp"
#include "tests/support/vectors.hpp"

using namespace martlet::protocol;
using martlet::testing::parse_bytes;

namespace {

// Whether `action` ends its process with abort(). Its message goes nowhere.
template <class Action>
bool aborts(Action action) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        if (std::freopen("/dev/null", "w", stderr) != nullptr) {
            action();
        }
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

std::vector<std::byte> varint_of(std::uint32_t value) {
    std::vector<std::byte> bytes(varint_size(value));
    ByteWriter out{bytes};
    out.varint(value);
    CHECK(out.written() == bytes.size());
    return bytes;
}

}  // namespace

TEST_CASE("byte reader: reads numbers big-endian and views as they are") {
    const auto bytes = parse_bytes("01 02 03 04 05 06 07 s'text' s{ 00 FF } 'rest'");
    ByteReader reader{bytes};
    CHECK(reader.u8() == 0x01);
    CHECK(reader.u16() == 0x0203);
    CHECK(reader.u32() == 0x04050607);
    CHECK(reader.utf8() == "text");
    CHECK(reader.binary().size() == 2);
    CHECK(reader.remaining() == 4);
    CHECK(as_text(reader.rest()) == "rest");
    CHECK(reader.remaining() == 0);
    CHECK_FALSE(reader.failed());
    CHECK(reader.rest().empty());
    CHECK_FALSE(reader.failed());
}

TEST_CASE("byte reader: after one failure every read fails and yields nothing") {
    const auto bytes = parse_bytes("01 02 03");
    ByteReader reader{bytes};
    CHECK(reader.u32() == 0);
    CHECK(reader.failed());
    CHECK(reader.u8() == 0);
    CHECK(reader.u16() == 0);
    CHECK(reader.varint() == 0);
    CHECK(reader.bytes(1).empty());
    CHECK(reader.binary().empty());
    CHECK(reader.utf8().empty());
    CHECK(reader.rest().empty());
    CHECK(reader.remaining() == 0);
}

TEST_CASE("byte reader: the first fault is the one that is told") {
    ByteReader reader{Bytes{}};
    reader.set_failed("first");
    reader.u8();
    CHECK(std::string{reader.fault()} == "first");
}

TEST_CASE("byte reader: no length reaches beyond the end") {
    for (const char* const cut : {"00", "00 01", "FF FF 'a'", "00 02 'a'"}) {
        CAPTURE(cut);
        const auto bytes = parse_bytes(cut);
        ByteReader binary{bytes};
        binary.binary();
        CHECK(binary.failed());
        ByteReader text{bytes};
        text.utf8();
        CHECK(text.failed());
    }
    const auto bytes = parse_bytes("'abc'");
    ByteReader reader{bytes};
    reader.bytes(~std::size_t{0});
    CHECK(reader.failed());
}

TEST_CASE("byte reader: an ill-formed string fails [v3.1.1 MQTT-1.5.3-1] [v5 MQTT-1.5.4-1]") {
    const auto bytes = parse_bytes("s{ 'a' C0 80 } 01");
    ByteReader reader{bytes};
    CHECK(reader.utf8().empty());
    CHECK(reader.failed());
    CHECK(reader.u8() == 0);
}

TEST_CASE("variable byte integer: values around each boundary come back [v5 MQTT-1.5.5-1]") {
    const std::array<std::uint32_t, 10> values{
        0, 1, 127, 128, 16'383, 16'384, 2'097'151, 2'097'152, 268'435'454, varint_max};
    for (const std::uint32_t value : values) {
        const auto bytes = varint_of(value);
        ByteReader reader{bytes};
        CHECK(reader.varint() == value);
        CHECK_FALSE(reader.failed());
        CHECK(reader.remaining() == 0);
    }
    CHECK(varint_of(321) == parse_bytes("C1 02"));
    CHECK(varint_of(varint_max) == parse_bytes("FF FF FF 7F"));
}

TEST_CASE("variable byte integer: longer than needed or than four bytes fails [v5 MQTT-1.5.5-1]") {
    for (const char* const wrong : {"80 00", "81 00", "FF FF 00", "80 80 80 00", "FF FF FF FF",
                                    "80 80 80 80 01", "80", "FF FF FF", ""}) {
        CAPTURE(wrong);
        const auto bytes = parse_bytes(wrong);
        ByteReader reader{bytes};
        CHECK(reader.varint() == 0);
        CHECK(reader.failed());
    }
}

TEST_CASE("byte writer: writes what the reader reads") {
    std::array<std::byte, 32> space{};
    ByteWriter out{space};
    out.u8(1);
    out.u16(0x0203);
    out.u32(0x04050607);
    out.utf8("text");
    out.binary({});
    out.bytes({});
    const auto expected = parse_bytes("01 02 03 04 05 06 07 s'text' s''");
    REQUIRE(out.written() == expected.size());
    CHECK(std::vector<std::byte>(space.begin(), space.begin() + 15) == expected);
}

TEST_CASE("byte writer: writing past the end aborts") {
    std::array<std::byte, 3> space{};
    CHECK_FALSE(aborts([&] { ByteWriter{space}.u16(1); }));
    CHECK(aborts([&] { ByteWriter{space}.u32(1); }));
    CHECK(aborts([&] { ByteWriter{space}.utf8("ab"); }));
    CHECK(aborts([&] { ByteWriter{space}.varint(varint_max); }));
    CHECK(aborts([&] { ByteWriter{{}}.u8(1); }));
}

TEST_CASE("byte writer: what has no wire form aborts") {
    std::vector<std::byte> space(100'000);
    const std::vector<std::byte> too_long(65'536);
    CHECK(aborts([&] { ByteWriter{space}.binary(too_long); }));
    CHECK(aborts([&] { ByteWriter{space}.varint(varint_max + 1); }));
}
