// The durable store: one thread and one connection that do every write and every checkpoint, for
// all shards.
//
// Life: open() -> recover() -> start() -> ... -> stop(). While it runs, the thread takes all that
// the shards have submitted, makes it durable with one fdatasync and tells each shard once; the
// next group gathers meanwhile.
//
// When the disk is full nothing is lost: what was submitted is kept and tried again every
// `retry_delay`, and the shards are told to refuse more. Any other error of the disk is final:
// on_fatal() is called once, and nothing is ever reported durable after it.
// Ownership: owns file, lock and thread. Threading: its owner's thread; ports as in core/store.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/core/recovered.hpp"
#include "server/core/store.hpp"
#include "server/store/database.hpp"
#include "server/store/intake.hpp"
#include "server/store/lock_file.hpp"

namespace martlet::store {

struct StoreOptions {
    std::string directory;
    core::ShardIndex shard_count = 1;
    // The wall clock (ms of Unix time) as it was at this instant of the broker's clock.
    core::Instant clock_base{};
    std::int64_t wall_ms_at_base = 0;

    std::function<core::ShardIndex(std::string_view client_id)> shard_of_session;
    std::function<core::ShardIndex(std::string_view topic)> shard_of_retained;
    // On the store's thread.
    std::function<void(core::ShardIndex, core::StoreNews)> deliver;
    std::function<void(std::string line)> on_fatal;
    std::function<void(std::string line)> on_warning;

    // How long an urgent batch waits for more to share its fdatasync.
    std::chrono::milliseconds commit_delay{0};
    // How long a batch that is not urgent waits for one that is.
    std::chrono::milliseconds lazy_delay{200};
    std::chrono::milliseconds retry_delay{500};
};

class SqliteStore {
public:
    // Throws std::runtime_error with one line: what, where, what to do.
    static std::unique_ptr<SqliteStore> open(StoreOptions options);
    ~SqliteStore();
    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;

    // What the last run left, by shard. Once, before start(); throws as open() does.
    std::vector<core::RecoveredState> recover();
    void start();
    // Makes all that was submitted durable, tells the shards, and ends the thread.
    void stop();

    core::Store& port(core::ShardIndex shard);

private:
    class Port;

    SqliteStore(StoreOptions options, LockFile lock);

    void open_database();
    std::string database_path() const;
    [[noreturn]] void refuse_to_start(int status, const std::string& reason) const;
    void run();
    void take_in(std::vector<IntakeItem> items);
    void serve_requests();
    void on_outcome(Outcome outcome);
    void begin_refusing();
    void retry();
    void tell_durable();
    void tidy_up();
    void finish();
    void fail();
    Intake::Clock::time_point next_chore() const;

    StoreOptions options_;
    LockFile lock_;
    WallClock clock_;
    std::int64_t ended_at_ms_ = 0;  // the last run's end, at the latest
    std::unique_ptr<Database> database_;
    Intake intake_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::thread thread_;

    // Of the thread.
    std::vector<core::StoreTicket> told_;       // by shard: what was reported durable
    std::vector<core::StoreTicket> submitted_;  // by shard: the last ticket taken in
    std::vector<Request> requests_;
    Intake::Clock::time_point retry_at_ = Intake::Clock::time_point::max();
    Intake::Clock::time_point clock_at_ = Intake::Clock::now() + wall_clock_lag_max;
    Intake::Clock::time_point reclaim_at_ = Intake::Clock::time_point::max();
    bool refuses_ = false;
    bool has_failed_ = false;
};

}  // namespace martlet::store
