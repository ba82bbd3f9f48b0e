#include "server/core/outbox.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/make_message.hpp"
#include "tests/support/random.hpp"

namespace martlet::core {
namespace {

MessageRef make_message(std::string_view payload) {
    return testing::make_message("t", payload);
}

// What a gather write with this many segments would take.
std::string gathered(const Outbox& outbox, std::size_t segments_max) {
    std::vector<OutputSegment> segments(segments_max);
    segments.resize(outbox.gather(segments));
    std::string text;
    for (const OutputSegment& segment : segments) {
        CHECK(segment.size != 0);
        text.append(reinterpret_cast<const char*>(segment.data), segment.size);
    }
    return text;
}

std::string bytes_of(std::size_t size, std::uint64_t salt) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 31 + salt);
    }
    return text;
}

TEST_CASE("an outbox gives out what was appended in order") {
    ChunkPool pool;
    Outbox outbox;
    outbox.append(pool, protocol::as_bytes("one "));
    std::memcpy(outbox.reserve(pool, 100), "two ", 4);
    outbox.commit(4);
    const MessageRef message = make_message("three");
    outbox.append_shared(pool, message, message->payload());
    outbox.append(pool, protocol::as_bytes(" four"));
    CHECK(outbox.size() == 18);
    CHECK(gathered(outbox, 8) == "one two three four");
    CHECK(gathered(outbox, 2) == "one two three");
    outbox.consume(pool, 10);
    CHECK(gathered(outbox, 8) == "ree four");
    outbox.consume(pool, 8);
    CHECK(outbox.empty());
    CHECK(pool.used_bytes() == 0);
}

TEST_CASE("an outbox shares a large payload instead of copying it") {
    ChunkPool pool;
    Outbox outbox;
    MessageRef message = make_message(std::string(Outbox::share_threshold, 'x'));
    const std::byte* payload = message->payload().data();
    outbox.append(pool, protocol::as_bytes("head"));
    outbox.append_shared(pool, message, message->payload());
    message.reset();  // the outbox alone keeps it; that it lets go is for the leak checker
    outbox.consume(pool, 4);
    std::array<OutputSegment, 4> segments;
    REQUIRE(outbox.gather(segments) == 1);
    CHECK(segments[0].data == payload);
    CHECK(gathered(outbox, 4) == std::string(Outbox::share_threshold, 'x'));
    outbox.consume(pool, Outbox::share_threshold);
    CHECK(pool.used_bytes() == 0);
}

TEST_CASE("an outbox gives a chunk back as soon as all of it is written") {
    ChunkPool pool;
    Outbox outbox;
    const MessageRef message = make_message(std::string(Outbox::share_threshold, 'x'));
    outbox.append_shared(pool, message, message->payload());
    const std::size_t shared = pool.used_bytes();
    outbox.append(pool, protocol::as_bytes("next"));
    outbox.consume(pool, Outbox::share_threshold - 1);
    CHECK(pool.used_bytes() == shared + ChunkPool::small_size);
    outbox.consume(pool, 1);
    CHECK(pool.used_bytes() == ChunkPool::small_size);
    outbox.clear(pool);
}

TEST_CASE("an outbox with one small packet holds one small chunk") {
    ChunkPool pool;
    Outbox outbox;
    outbox.append(pool, protocol::as_bytes("PINGRESP"));
    CHECK(pool.used_bytes() == ChunkPool::small_size);
    outbox.clear(pool);
    CHECK(pool.idle_bytes() == ChunkPool::small_size);
}

TEST_CASE("an outbox that alternates headers and shared payloads holds small chunks") {
    ChunkPool pool;
    Outbox outbox;
    const MessageRef message = make_message(std::string(Outbox::share_threshold, 'x'));
    for (int i = 0; i < 100; ++i) {
        outbox.append(pool, protocol::as_bytes("header"));
        outbox.append_shared(pool, message, message->payload());
    }
    CHECK(pool.used_bytes() <= 100 * (ChunkPool::small_size + 64));
    outbox.clear(pool);
}

TEST_CASE("reserving more than fits leaves what was committed whole") {
    ChunkPool pool;
    Outbox outbox;
    std::string expected;
    for (int i = 0; i < 50; ++i) {
        const std::string text = bytes_of(Outbox::reserve_max - 7, static_cast<unsigned>(i));
        std::memcpy(outbox.reserve(pool, Outbox::reserve_max), text.data(), text.size());
        outbox.commit(text.size());
        expected += text;
    }
    CHECK(gathered(outbox, 100) == expected);
    outbox.clear(pool);
}

TEST_CASE("an outbox that moves takes its bytes along") {
    ChunkPool pool;
    Outbox from;
    from.append(pool, protocol::as_bytes("bytes"));
    Outbox to(std::move(from));
    CHECK(from.empty());
    CHECK(gathered(to, 1) == "bytes");
    to.clear(pool);
}

TEST_CASE("a chunk pool keeps no more idle memory than allowed") {
    ChunkPool pool(3 * ChunkPool::small_size);
    std::array<Chunk*, 5> chunks{};
    for (Chunk*& chunk : chunks) {
        chunk = pool.acquire(ChunkKind::small);
    }
    CHECK(pool.used_bytes() == 5 * ChunkPool::small_size);
    for (Chunk* chunk : chunks) {
        pool.release(chunk);
    }
    CHECK(pool.used_bytes() == 0);
    CHECK(pool.idle_bytes() == 3 * ChunkPool::small_size);
}

TEST_CASE("an outbox behaves as a string under random appends and consumption") {
    MARTLET_SEEDED(random);
    ChunkPool pool(64 * 1024);
    for (int round = 0; round < 30; ++round) {
        Outbox outbox;
        std::string model;
        const std::size_t size_max = random.chance(2) ? 200 : 40'000;
        for (int step = 0; step < 300; ++step) {
            const std::string text = bytes_of(random.below(size_max), random.below(256));
            switch (random.below(5)) {
                case 0:
                    outbox.append(pool, protocol::as_bytes(text));
                    model += text;
                    break;
                case 1: {
                    const std::size_t room = random.below(Outbox::reserve_max + 1);
                    const std::size_t size = std::min(room, text.size());
                    std::memcpy(outbox.reserve(pool, room), text.data(), size);
                    outbox.commit(size);
                    model += text.substr(0, size);
                    break;
                }
                case 2: {
                    const MessageRef message = make_message(text);
                    outbox.append_shared(pool, message, message->payload());
                    model += text;
                    break;
                }
                default: {
                    const std::size_t size = random.below(model.size() + 1);
                    outbox.consume(pool, size);
                    model.erase(0, size);
                    break;
                }
            }
            REQUIRE(outbox.size() == model.size());
            const std::string front = gathered(outbox, 1 + random.below(16));
            REQUIRE(front == model.substr(0, front.size()));
            REQUIRE(front.empty() == model.empty());
        }
        outbox.clear(pool);
        REQUIRE(pool.used_bytes() == 0);
        REQUIRE(pool.idle_bytes() <= 64 * 1024);
    }
}

}  // namespace
}  // namespace martlet::core
