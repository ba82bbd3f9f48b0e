// One Network Connection: its socket, the stream on it, the bytes that could not be used yet, and
// the read and write loops.
//
// The life of one, by Stage:
//   handshake         TLS or the upgrade to WebSocket is being negotiated (a plain connection
//   passes through at once)
//   awaiting_connect  bytes are kept until they tell which shard is its home
//   moving            on its way to another shard; no event can reach it
//   open              the core knows it by its ConnectionId
//   closing           what waits is written, for a bounded time; nothing is read
//   lingering         the core has forgotten it; FIN is sent, what still comes is thrown away, so
//   that the
//                     last words are not lost to a reset
//   closed            the socket is gone; freed once no handler refers to it
//
// Waiting is a flag: the Poller tells of every change, and non-blocking calls on the stream do the
// rest, so an idle connection owns no read buffer. It may wait only for what the stream has said is
// exhausted; a turn that stops earlier asks the runner for another.
//
// Ownership: owns the socket and the stream; owned by its ShardRunner (by the mail while it moves).
// Threading: its shard's thread only.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "server/core/connection_port.hpp"
#include "server/core/ids.hpp"
#include "server/core/time.hpp"
#include "server/transport/admission.hpp"
#include "server/transport/kept_bytes.hpp"
#include "server/transport/poller.hpp"
#include "server/transport/stream.hpp"

namespace martlet::transport {

class ShardRunner;

enum class Stage : std::uint8_t {
    handshake,
    awaiting_connect,
    moving,
    open,
    closing,
    lingering,
    closed,
};

// What is known of a connection until the core takes it over.
struct Arrival {
    std::string peer;
    std::uint16_t listener = 0;
    bool has_spoken = false;  // at least one byte has come
    AdmissionTicket place;    // among those of its shard whose CONNECT has not come
};

class Connection : public boost::intrusive::list_base_hook<> {
public:
    struct Parts {
        int socket = -1;  // non-blocking; owned from here on
        std::unique_ptr<Stream> stream;
        Arrival arrival;
        AdmissionTicket ticket;
        core::Instant deadline = core::never;  // for its CONNECT
    };

    Connection(ShardRunner& runner, Parts parts);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    // Its next step costs a hundred times what a message does: only a few in each pass.
    bool is_at_costly_handshake() const {
        return stage_ == Stage::handshake && stream_->is_secure();
    }

    // Between shards: detach() on the one, attach() on the other.
    void detach();
    [[nodiscard]] bool attach(ShardRunner& runner);

    // Does what is possible now, then waits for more; whatever the stage.
    void go_on();
    void on_event(const SocketEvent& event);
    // Another turn, as it has asked for.
    void take_turn();
    // The core knows it as `id` from now on, and is given what was kept.
    void open(core::ConnectionId id);
    // Writes what waits in the outbox, as far as the network takes it. True when nothing is left.
    bool flush();
    void say_goodbye() { stream_->say_goodbye(close_reason_); }
    // Says goodbye; nothing more is written. What still comes in is thrown away.
    void linger();
    // Frees the socket.
    void close();

    core::ConnectionId id() const { return id_; }
    Stage stage() const { return stage_; }
    void set_stage(Stage stage) { stage_ = stage; }
    core::Instant deadline() const { return deadline_; }
    void set_deadline(core::Instant deadline) { deadline_ = deadline; }
    core::CloseReason close_reason() const { return close_reason_; }
    void set_close_reason(core::CloseReason reason) { close_reason_ = reason; }
    // Not read for the sake of another shard's mailbox.
    bool is_held() const { return is_held_; }
    void set_held(bool held) { is_held_ = held; }
    // In the runner's list of those to go on with in the next pass.
    bool is_queued() const { return is_queued_; }
    void set_queued(bool queued) { is_queued_ = queued; }
    // Until open, and while one that never was lingers.
    const Arrival& arrival() const { return *arrival_; }
    void give_up_arrival_place() { arrival_->place = AdmissionTicket(); }
    protocol::Bytes kept() const { return kept_.bytes(); }
    const Stream& stream() const { return *stream_; }

private:
    void on_readable();
    void on_writable();
    void wait_writable();
    void write_on_later();
    void wait_for_more(const StreamResult& last);

    void shake_hands();
    void await_connect();
    void receive();
    void receive_kept();
    StreamResult read_and_deliver();
    StreamResult read_into_kept();
    std::size_t deliver(protocol::Bytes bytes);
    void discard_input();
    bool wants_input() const;

    ShardRunner* runner_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Arrival> arrival_;
    AdmissionTicket ticket_;
    core::ConnectionId id_;
    KeptBytes kept_;
    core::Instant deadline_;
    int socket_;
    Stage stage_ = Stage::handshake;
    core::CloseReason close_reason_{};
    bool read_waits_ = false;   // read empty: nothing to be done before an event
    bool input_ends_ = false;   // see SocketEvent
    bool write_waits_ = false;  // written full, or enough for one turn
    bool write_due_ = false;    // the latter: it is the next turn that goes on
    bool output_watched_ = false;
    bool write_wants_input_ = false;  // TLS: cannot write before it has read
    bool is_held_ = false;
    bool is_queued_ = false;
};

static_assert(sizeof(Connection) <= 112);

}  // namespace martlet::transport
