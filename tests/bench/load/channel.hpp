// A stream with what waits to be written to it and the beginning of a packet that came from it.
// Ownership: owns the stream and both buffers. Threading: its caller's thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "tests/bench/load/poller.hpp"
#include "tests/bench/load/stream.hpp"

namespace martlet::load {

class Channel {
public:
    // `owner` is what the poller names with each event.
    Channel(Poller& poller, void* owner) : poller_(&poller), owner_(owner) {}

    void open(Stream stream, bool for_writing);
    void close();
    bool is_open() const { return stream_.is_open(); }
    Stream& stream() { return stream_; }

    void want_writing(bool wanted);
    // The socket is full: the poller says when there is room, and flush() is due.
    bool is_blocked() const { return wants_writing_; }

    // For the next flush(). The copy's place is returned, good until the next put().
    std::byte* put(Bytes bytes);
    std::size_t pending() const { return out_.size() - written_; }
    // Writes what it can; false when the connection is at its end.
    [[nodiscard]] bool flush();

    // Reads into `scratch` and has `consume(Bytes)` take what it can of that, from the front: it
    // returns how many bytes it took, and gets the rest again with what comes next. False when the
    // connection is at its end, or a packet is larger than `scratch`.
    template <class Consume>
    [[nodiscard]] bool receive(std::span<std::byte> scratch, Consume consume);

private:
    Poller* poller_;
    void* owner_;
    Stream stream_;
    bool wants_writing_ = false;
    std::size_t written_ = 0;  // of out_
    std::vector<std::byte> out_;
    std::vector<std::byte> rest_;  // of what was read
};

template <class Consume>
bool Channel::receive(std::span<std::byte> scratch, Consume consume) {
    bool is_full = false;
    do {
        const std::size_t kept = rest_.size();
        if (kept == scratch.size()) {
            return false;
        }
        std::copy(rest_.begin(), rest_.end(), scratch.begin());
        const auto count = stream_.read(scratch.subspan(kept));
        if (!count) {
            return false;
        }
        if (*count == 0) {
            return true;
        }
        const Bytes bytes = scratch.first(kept + *count);
        is_full = bytes.size() == scratch.size();
        const std::size_t taken = consume(bytes);
        if (!is_open()) {
            return true;
        }
        rest_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
    } while (is_full && stream_.is_tls());  // the poller does not see what OpenSSL has left
    return true;
}

}  // namespace martlet::load
