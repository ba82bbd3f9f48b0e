// Drives one shard: its thread, its Poller, its core::Shard, and the Network Connections on it.
//
// The loop is a sequence of passes. A pass waits for events (or does not, when there is work left),
// hands them to their connections, up to a bound, takes the mail, lets timers expire, and ends with
// Shard::end_pass(), which flushes every connection that was written to, once. The clock is read
// once.
//
// Ownership: owns its connections. Outlived by the ports and the admissions it was given.
// Threading: start(), join(), post() and mailbox() from outside; everything else its own thread
// only.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/core/connection_port.hpp"
#include "server/core/limits.hpp"
#include "server/core/shard.hpp"
#include "server/core/shard_link.hpp"
#include "server/transport/burst_gate.hpp"
#include "server/transport/connection.hpp"
#include "server/transport/mailbox.hpp"
#include "server/transport/pair_flow.hpp"
#include "server/transport/poller.hpp"
#include "server/transport/shard_options.hpp"
#include "server/transport/tls_context.hpp"
#include "server/transport/transport_counters.hpp"
#include "server/transport/transport_log.hpp"

namespace martlet::transport {

struct RunnerSetup {
    core::ShardIndex index = 0;
    core::ShardIndex shard_count = 1;
    std::uint64_t hash_seed = 0;
    core::Limits limits;
    ArrivalLimits arrivals;
    ShardPorts ports;
    TransportLog* log = nullptr;
};

class ShardRunner final : public core::ConnectionPort, public core::ShardLink {
public:
    explicit ShardRunner(const RunnerSetup& setup);
    ShardRunner(const ShardRunner&) = delete;
    ShardRunner& operator=(const ShardRunner&) = delete;
    ~ShardRunner() override;

    // All the shards' runners, this one included, in the order of their indexes. Before start().
    void set_peers(std::span<const std::unique_ptr<ShardRunner>> peers);
    void start();
    void join();
    void post(Task task) { mailbox_.push(std::move(task)); }
    Mailbox& mailbox() { return mailbox_; }

    // --- for tasks and listeners ---
    core::ShardIndex index() const { return index_; }
    core::Shard& shard() { return *shard_; }
    TransportLog& log() { return log_; }
    TransportCounters& counters() { return counters_; }
    TransportCounters current_counters() const;
    // The time of this pass.
    core::Instant now();
    // A connection begins here, or comes from another shard.
    void adopt(std::unique_ptr<Connection> connection);
    const ArrivalLimits& arrival_limits() const { return arrival_limits_; }
    // A place among those whose CONNECT has not come; an empty ticket when all are taken. From any
    // thread.
    AdmissionTicket take_arrival_place() { return arrival_places_.admit(); }
    // Somebody waits for a place: whose grace is over makes room.
    void make_room();
    void set_limits(const core::Limits& limits, const ArrivalLimits& arrivals);
    // What each listener trusts from now on. Connections whose certificate is not trusted any more
    // are ended, a few in each pass.
    void set_trust(std::vector<std::shared_ptr<const TlsContext>> contexts);
    // After a peak: what lies ready for reuse goes back to the allocator.
    void free_idle_memory();
    // Runs the task in the first pass at or after `at`.
    void run_at(core::Instant at, Task task);
    // Ends every connection, and calls `drained` when all are gone.
    void drain(std::function<void()> drained);
    // The pass that is running is the last one.
    void stop() { is_stopping_ = true; }

    // --- for Connection ---
    std::span<std::byte> read_buffer() { return {read_buffer_.get(), read_buffer_size}; }
    std::span<std::byte> write_scratch() { return {write_scratch_.get(), write_scratch_size}; }
    Poller& poller() { return poller_; }
    // So many bytes have been read in this pass.
    void note_input(std::size_t bytes) { input_ += bytes; }
    // It has more to do, but others are to have their turn first.
    void go_on_later(Connection& connection);
    // More of its first bytes have come: find its home.
    void place(Connection& connection);
    void on_lost_before_connect(Connection& connection, StreamStatus how);
    void on_lost(Connection& connection, StreamStatus how);
    // A closing one has nothing left to write.
    void on_flushed(Connection& connection);
    void on_lingered(Connection& connection);

    // --- core::ConnectionPort ---
    void flush(core::ConnectionId id) override;
    void close(core::ConnectionId id, core::CloseReason reason) override;
    void resume_reading(core::ConnectionId id) override;

    // --- core::ShardLink ---
    void send(core::ShardIndex from, core::ShardIndex to, core::ShardBatch batch) override;

private:
    static constexpr std::size_t read_buffer_size = 256 * 1024;
    static constexpr std::size_t write_scratch_size = 16 * 1024;  // one TLS record

    using ConnectionList = boost::intrusive::list<Connection>;

    // --- the loop (shard_runner.cpp) ---
    void run();
    void pass();
    void take_events();
    void await_events();
    void give_way();
    void judge_absence(std::size_t brought);
    bool is_worth_another_look(std::size_t handled) const;
    bool note_arrivals(Acceptor& acceptor);
    void sleep();
    bool has_work() const;
    void go_on_with_queued();
    void ring_alarms();
    core::Instant next_deadline() const;
    void clean_up();

    // --- mail (runner_mail.cpp) ---
    void take_mail();
    void handle(BatchMail& mail);
    void handle(ConnectionMail& mail);
    void handle(RelievedMail& mail);
    void handle(Task& task);
    void hold_publishers(const core::ShardBatch& batch);
    void hold_publisher(const core::MessageOrigin& origin);
    void release_publishers();

    // --- trust (runner_trust.cpp) ---
    bool expel_if_distrusted(Connection& connection);
    void review_some();

    // --- connections (runner_connections.cpp) ---
    Connection* find(core::ConnectionId id);
    void settle(Connection& connection);
    Connection* most_superfluous(core::Instant now);
    void crowd_out(Connection& connection);
    void tell_lost_before_connect(const Connection& connection, StreamStatus how);
    core::Instant arrival_deadline() const;
    void move(Connection& connection, ConnectionList& from, ConnectionList& to);
    ConnectionList& list_of(const Connection& connection);
    void drop(Connection& connection);
    void end(Connection& connection, core::CloseReason reason, bool linger);
    void expire(core::Instant now);
    void report_drained();
    void report_closed();
    void finish_closing();
    void send_movers();
    void free_closed();
    void unqueue(Connection& connection);

    const core::ShardIndex index_;
    const core::ShardIndex shard_count_;
    const std::uint64_t hash_seed_;
    core::Limits limits_;
    ArrivalLimits arrival_limits_;
    TransportLog& log_;

    Poller poller_;
    std::vector<Acceptor*> arrived_at_;                   // somebody waits there, in this pass
    std::vector<std::pair<core::Instant, Task>> alarms_;  // few, if any
    Admission arrival_places_{nullptr};                   // outlives the connections in mail
    Mailbox mailbox_;
    std::unique_ptr<Mail> mail_;  // taken, not handled yet
    std::vector<ShardRunner*> peers_;
    std::vector<std::unique_ptr<PairFlow>> inbound_flow_;  // by sender
    std::size_t peers_behind_ = 0;
    std::vector<core::ConnectionId> held_;
    std::thread thread_;
    bool is_stopping_ = false;
    // To write what waits, and to see the peer's end, after the core has said close.
    core::Duration close_patience_ = std::chrono::seconds(5);
    std::function<void()> drained_;

    std::size_t input_ = 0;           // bytes read in this pass
    std::size_t mail_input_ = 0;      // bytes of publications from other shards
    bool gives_way_ = false;          // to others on its core, before it sleeps...
    core::Instant gives_way_from_{};  // ...but not before this
    core::Duration away_{};           // since it last did, while the pass after that goes on
    core::Instant now_{};
    bool clock_read_ = false;
    std::unique_ptr<std::byte[]> read_buffer_;
    std::unique_ptr<std::byte[]> write_scratch_;

    ConnectionList arrivals_;  // handshake and awaiting_connect, oldest first
    ConnectionList open_;      // and moving
    ConnectionList ending_;    // closing and lingering, oldest first
    ConnectionList closed_;
    std::vector<Connection*> by_slot_;  // the core's slots
    std::vector<Connection*> queued_;
    std::vector<core::ConnectionId> resumed_;
    std::vector<core::ConnectionId> drained_outboxes_;  // long ones, by end_pass()
    std::vector<core::ConnectionId> to_finish_;         // closing; oldest first
    std::vector<std::pair<core::ConnectionId, core::CloseReason>> to_report_;
    std::vector<std::pair<Connection*, core::ShardIndex>> movers_;
    std::vector<std::shared_ptr<const TlsContext>> trust_;  // by listener
    std::size_t review_next_ = 0;                           // in by_slot_
    bool is_reviewing_ = false;
    BurstGate crowded_out_gate_;
    BurstGate upgrade_gate_;
    BurstGate proxy_header_gate_;
    TransportCounters counters_;
    // Last, so that it goes first.
    std::unique_ptr<core::Shard> shard_;
};

}  // namespace martlet::transport
