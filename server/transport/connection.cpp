#include "server/transport/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
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
// What one turn writes at most before others have theirs.
constexpr std::size_t write_budget = 1024 * 1024;
constexpr std::size_t segments_max = 64;
// What one turn throws away at most.
constexpr int discards_per_turn = 4;

}  // namespace

struct Connection::ReadHandler {
    Connection* connection;

    using allocator_type = OperationAllocator<void>;
    allocator_type get_allocator() const { return allocator_type(connection->read_operation_); }
    void operator()(const boost::system::error_code& /*error*/) const {
        connection->read_waits_ = false;
        connection->on_readable();
    }
};

// Few wait to write at a time, so the memory comes from a pool.
struct Connection::WriteHandler {
    Connection* connection;
    OperationMemory* operation;

    using allocator_type = OperationAllocator<void>;
    allocator_type get_allocator() const { return allocator_type(*operation); }
    void operator()(const boost::system::error_code& /*error*/) const {
        connection->runner_->release_operation(operation);
        connection->write_waits_ = false;
        connection->on_writable();
    }
};

Connection::Connection(ShardRunner& runner, Parts parts)
    : runner_(&runner),
      descriptor_(runner.io().get_executor()),
      stream_(std::move(parts.stream)),
      arrival_(std::make_unique<Arrival>(std::move(parts.arrival))),
      ticket_(std::move(parts.ticket)),
      deadline_(parts.deadline),
      socket_(parts.socket) {
}

Connection::~Connection() {
    MARTLET_ASSERT(!is_referred_to());
    if (socket_ >= 0 && !descriptor_.is_open()) {
        ::close(socket_);
    }
}

void Connection::detach() {
    MARTLET_ASSERT(!is_referred_to());
    descriptor_.release();
}

bool Connection::attach(ShardRunner& runner) {
    runner_ = &runner;
    descriptor_ = Descriptor(runner.io().get_executor());
    boost::system::error_code error;
    descriptor_.assign(socket_, error);
    return !error;
}

void Connection::wait_readable() {
    if (!read_waits_) {
        read_waits_ = true;
        descriptor_.async_wait(Descriptor::wait_read, ReadHandler{this});
    }
}

void Connection::wait_writable() {
    if (!write_waits_) {
        write_waits_ = true;
        descriptor_.async_wait(Descriptor::wait_write,
                               WriteHandler{this, runner_->acquire_operation()});
    }
}

// More input is wanted, and the stream has said what it takes to get on.
void Connection::wait_for(StreamStatus status) {
    if (status == StreamStatus::wants_write) {
        wait_writable();
    } else if (status == StreamStatus::ok && stream_->has_buffered_input()) {
        runner_->go_on_later(*this);
    } else {
        wait_readable();
    }
}

void Connection::on_readable() {
    go_on();
    if (write_wants_input_ && (stage_ == Stage::open || stage_ == Stage::closing)) {
        write_wants_input_ = false;
        wait_writable();
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
    const StreamStatus status = stream_->handshake().status;
    switch (status) {
        case StreamStatus::ok:
            stage_ = Stage::awaiting_connect;
            await_connect();
            break;
        case StreamStatus::wants_read:
        case StreamStatus::wants_write:
            wait_for(status);
            break;
        case StreamStatus::end:
        case StreamStatus::failed:
            runner_->on_lost_before_connect(*this, status);
            break;
    }
}

void Connection::await_connect() {
    StreamStatus status = StreamStatus::ok;
    for (int i = 0; i < connect_helpings_per_turn; ++i) {
        const std::span<std::byte> room = runner_->read_buffer().first(connect_helping);
        const StreamResult result = stream_->read_some(room);
        status = result.status;
        if (result.bytes != 0) {
            arrival_->has_spoken = true;
            kept_.append(room.first(result.bytes));
            runner_->place(*this);
            if (stage_ != Stage::awaiting_connect) {
                return;
            }
        }
        if (status == StreamStatus::end || status == StreamStatus::failed) {
            runner_->on_lost_before_connect(*this, status);
            return;
        }
        if (result.bytes < room.size()) {
            break;
        }
    }
    wait_for(status);
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
    switch (result.status) {
        case StreamStatus::ok:
        case StreamStatus::wants_read:
        case StreamStatus::wants_write:
            if (wants_input()) {
                wait_for(result.status);
            }
            break;
        case StreamStatus::end:
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
    const StreamResult result = stream_->read_some(buffer.subspan(before));
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
    while (!outbox.empty()) {
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
                wait_readable();
                return false;
            case StreamStatus::end:
            case StreamStatus::failed:
                runner_->on_lost(*this, result.status);
                return false;
        }
        if (written >= write_budget && !outbox.empty()) {
            wait_writable();
            return false;
        }
    }
    return true;
}

void Connection::linger() {
    stage_ = Stage::lingering;
    id_ = {};
    kept_.clear();
    stream_->say_goodbye();
    ::shutdown(socket_, SHUT_WR);
    wait_readable();
}

void Connection::discard_input() {
    for (int i = 0; i < discards_per_turn; ++i) {
        const StreamResult result = stream_->read_some(runner_->read_buffer());
        if (result.bytes != 0) {
            continue;
        }
        if (result.status == StreamStatus::wants_read) {
            break;
        }
        runner_->on_lingered(*this);
        return;
    }
    wait_readable();
}

void Connection::close() {
    stage_ = Stage::closed;
    id_ = {};
    kept_.clear();
    stream_.reset();
    boost::system::error_code ignored;
    descriptor_.close(ignored);
    socket_ = -1;
    ticket_ = {};
}

}  // namespace martlet::transport
