#include "server/transport/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "protocol/assert.hpp"
#include "server/core/shard.hpp"
#include "server/transport/shard_runner.hpp"

namespace martlet::transport {

namespace {

// Before its CONNECT is known a connection gets small helpings: few send more than that at once.
constexpr std::size_t connect_helping = 4096;
constexpr int connect_helpings_per_turn = 16;
// Of small packets no more is read at once than a pass takes; what it does not take is copied. A
// packet that is larger than the beginning that has come is read in large pieces.
constexpr std::size_t read_helping = 64 * 1024;
constexpr std::size_t small_rest = 4096;
// What one turn writes at most before others have theirs.
constexpr std::size_t write_budget = 1024 * 1024;
constexpr std::size_t segments_max = 64;
// What one turn throws away at most.
constexpr int discards_per_turn = 4;

}  // namespace

Connection::Connection(ShardRunner& runner, Parts parts)
    : runner_(&runner),
      stream_(std::move(parts.stream)),
      arrival_(std::make_unique<Arrival>(std::move(parts.arrival))),
      ticket_(std::move(parts.ticket)),
      deadline_(parts.deadline),
      socket_(parts.socket) {
}

Connection::~Connection() {
    MARTLET_ASSERT(!is_queued_);
    if (socket_ >= 0) {
        ::close(socket_);
    }
}

void Connection::detach() {
    MARTLET_ASSERT(!is_queued_);
    runner_->poller().remove(socket_, *this);
}

bool Connection::attach(ShardRunner& runner) {
    runner_ = &runner;
    output_watched_ = false;
    return runner.poller().add(socket_, *this);
}

// The socket has been written full. Most never are, so only then does it cost a system call, once.
void Connection::wait_writable() {
    write_waits_ = true;
    if (!output_watched_) {
        output_watched_ = runner_->poller().watch_output(socket_, *this);
        if (!output_watched_) {
            write_on_later();  // out of memory: it is tried again and again
        }
    }
}

void Connection::write_on_later() {
    write_waits_ = true;
    write_due_ = true;
    runner_->go_on_later(*this);
}

// More input is wanted, and the last read has said what it takes to get on.
void Connection::wait_for_more(const StreamResult& last) {
    switch (last.status) {
        case StreamStatus::ok:
            runner_->go_on_later(*this);
            break;
        case StreamStatus::wants_write:
            wait_writable();
            break;
        case StreamStatus::wants_read:
            // The event of an end that came with the last bytes has been had already.
            if (input_ends_ && last.bytes != 0) {
                runner_->go_on_later(*this);
            } else {
                read_waits_ = true;
            }
            break;
        case StreamStatus::end:
        case StreamStatus::refused:
        case StreamStatus::failed:
            break;
    }
}

void Connection::on_event(const SocketEvent& event) {
    if (event.readable) {
        read_waits_ = false;
        input_ends_ = input_ends_ || event.ends;
    }
    if (event.writable && write_waits_) {
        write_waits_ = false;
        on_writable();
    }
    if (event.readable && !read_waits_) {
        if (is_at_costly_handshake()) {
            runner_->go_on_later(*this);
        } else {
            on_readable();
        }
    }
}

void Connection::take_turn() {
    if (write_due_) {
        write_due_ = false;
        write_waits_ = false;
        on_writable();  // which reads on too
    } else {
        go_on();
    }
}

void Connection::on_readable() {
    go_on();
    if (write_wants_input_ && (stage_ == Stage::open || stage_ == Stage::closing)) {
        write_wants_input_ = false;
        on_writable();
    }
}

void Connection::on_writable() {
    switch (stage_) {
        case Stage::handshake:
        case Stage::awaiting_connect:
            go_on();
            break;
        case Stage::open:
            flush();
            if (stage_ == Stage::open) {
                runner_->shard().on_written(id_, runner_->now());
            }
            if (stage_ == Stage::open && !read_waits_ && wants_input()) {
                receive();
            }
            break;
        case Stage::closing:
            if (flush()) {
                runner_->on_flushed(*this);
            }
            break;
        case Stage::moving:
        case Stage::lingering:
        case Stage::closed:
            break;
    }
}

void Connection::go_on() {
    switch (stage_) {
        case Stage::handshake:
            shake_hands();
            break;
        case Stage::awaiting_connect:
            await_connect();
            break;
        case Stage::open:
            if (wants_input()) {
                receive_kept();
            }
            break;
        case Stage::lingering:
            discard_input();
            break;
        case Stage::moving:
        case Stage::closing:
        case Stage::closed:
            break;
    }
}

void Connection::shake_hands() {
    const StreamResult result = stream_->handshake();
    if (std::string peer = stream_->forwarded_peer(); !peer.empty()) {
        arrival_->peer = std::move(peer);
    }
    switch (result.status) {
        case StreamStatus::ok:
            stage_ = Stage::awaiting_connect;
            await_connect();
            break;
        case StreamStatus::wants_read:
        case StreamStatus::wants_write:
            wait_for_more(result);
            break;
        case StreamStatus::end:
        case StreamStatus::refused:
        case StreamStatus::failed:
            runner_->on_lost_before_connect(*this, result.status);
            break;
    }
}

void Connection::await_connect() {
    StreamResult result;
    for (int i = 0; i < connect_helpings_per_turn; ++i) {
        const std::span<std::byte> room = runner_->read_buffer().first(connect_helping);
        result = stream_->read_some(room);
        if (result.bytes != 0) {
            arrival_->has_spoken = true;
            kept_.append(room.first(result.bytes));
            runner_->place(*this);
            if (stage_ != Stage::awaiting_connect) {
                return;
            }
        }
        if (result.status == StreamStatus::end || result.status == StreamStatus::refused ||
            result.status == StreamStatus::failed) {
            runner_->on_lost_before_connect(*this, result.status);
            return;
        }
        if (result.status != StreamStatus::ok) {
            break;
        }
    }
    wait_for_more(result);
}

void Connection::open(core::ConnectionId id) {
    id_ = id;
    stage_ = Stage::open;
    arrival_.reset();
    receive_kept();
}

bool Connection::wants_input() const {
    return stage_ == Stage::open && !is_held_ && runner_->shard().reads(id_);
}

// What was kept comes first, then the network.
void Connection::receive_kept() {
    if (!kept_.empty()) {
        kept_.drop_front(deliver(kept_.bytes()));
    }
    if (stage_ != Stage::open) {
        kept_.clear();
    } else if (wants_input()) {
        receive();
    }
}

// One read a turn: what it brings is answered before more is read, and others have their turns.
void Connection::receive() {
    const StreamResult result =
        kept_.size() > runner_->read_buffer().size() / 2 ? read_into_kept() : read_and_deliver();
    if (stage_ != Stage::open) {
        kept_.clear();
        return;
    }
    if (stream_->has_output() && !write_waits_ && !write_wants_input_) {
        wait_writable();
    }
    switch (result.status) {
        case StreamStatus::ok:
        case StreamStatus::wants_read:
        case StreamStatus::wants_write:
            if (wants_input()) {
                wait_for_more(result);
            }
            break;
        case StreamStatus::end:
        case StreamStatus::refused:
        case StreamStatus::failed:
            runner_->on_lost(*this, result.status);
            break;
    }
}

StreamResult Connection::read_and_deliver() {
    const std::span<std::byte> buffer = runner_->read_buffer();
    const std::size_t before = kept_.size();
    if (before != 0) {
        std::memcpy(buffer.data(), kept_.bytes().data(), before);
    }
    const std::size_t helping = before > small_rest ? buffer.size() - before : read_helping;
    const StreamResult result = stream_->read_some(buffer.subspan(before, helping));
    if (result.bytes != 0) {
        const protocol::Bytes bytes = buffer.first(before + result.bytes);
        kept_.assign(bytes.subspan(deliver(bytes)));
    }
    return result;
}

// A large packet is read to where it is kept: to copy it there and back for each piece would be
// dear.
StreamResult Connection::read_into_kept() {
    const StreamResult result = stream_->read_some(kept_.room(runner_->read_buffer().size()));
    if (result.bytes != 0) {
        kept_.commit(result.bytes);
        kept_.drop_front(deliver(kept_.bytes()));
    }
    return result;
}

std::size_t Connection::deliver(protocol::Bytes bytes) {
    runner_->note_input(bytes.size());
    return runner_->shard().on_receive(id_, bytes, runner_->now());
}

bool Connection::flush() {
    if (write_waits_ || write_wants_input_) {
        return false;
    }
    core::Outbox& outbox = runner_->shard().outbox(id_);
    std::array<core::OutputSegment, segments_max> segments;
    std::size_t written = 0;
    while (!outbox.empty() || stream_->has_output()) {
        const std::size_t count = outbox.gather(segments);
        const StreamResult result =
            stream_->write_some(std::span(segments).first(count), runner_->write_scratch());
        outbox.consume(runner_->shard().chunk_pool(), result.bytes);
        written += result.bytes;
        switch (result.status) {
            case StreamStatus::ok:
                break;
            case StreamStatus::wants_write:
                wait_writable();
                return false;
            case StreamStatus::wants_read:
                write_wants_input_ = true;
                read_waits_ = true;
                return false;
            case StreamStatus::end:
            case StreamStatus::refused:
            case StreamStatus::failed:
                runner_->on_lost(*this, result.status);
                return false;
        }
        if (written >= write_budget && !outbox.empty()) {
            write_on_later();
            return false;
        }
    }
    return true;
}

void Connection::linger() {
    stage_ = Stage::lingering;
    id_ = {};
    kept_.clear();
    write_waits_ = write_due_ = false;
    say_goodbye();
    ::shutdown(socket_, SHUT_WR);
    // Where it had not been read empty there will be no event.
    runner_->go_on_later(*this);
}

void Connection::discard_input() {
    for (int i = 0; i < discards_per_turn; ++i) {
        const StreamResult result = stream_->read_some(runner_->read_buffer());
        if (result.bytes != 0 || result.status == StreamStatus::ok) {
            continue;
        }
        if (result.status == StreamStatus::wants_read) {
            read_waits_ = true;
        } else {
            runner_->on_lingered(*this);
        }
        return;
    }
    runner_->go_on_later(*this);
}

void Connection::close() {
    stage_ = Stage::closed;
    id_ = {};
    kept_.clear();
    stream_.reset();
    runner_->poller().forget(*this);
    ::close(std::exchange(socket_, -1));
    ticket_ = {};
}

}  // namespace martlet::transport
