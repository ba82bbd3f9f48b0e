// The open database of a running store: groups wait in it until they are committed, and can be
// applied anew if a transaction has to be rolled back.
//
// A group is `pending` until apply() has brought it into the open transaction, where loads see it,
// and `applied` until commit() has made it durable.
// Ownership: owns the connection. Threading: store thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/store/group.hpp"
#include "server/store/row_writer.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/wall_clock.hpp"

namespace martlet::store {

// `full`: no room on the disk, nothing is lost, and it may go better later. `failed` is final: what
// is on the disk is unknown until the next start reads it.
enum class Outcome : std::uint8_t { done, full, failed };

// How far the wall clock on disk may lag behind.
inline constexpr std::chrono::seconds wall_clock_lag_max{60};

class Database {
public:
    // The connection is open, its schema is there. False from prepare(): error_text().
    Database(Connection connection, WallClock clock, IdMarks reserved);
    bool prepare() { return rows_.prepare(); }

    void add(core::ShardIndex shard, core::StoreBatch batch);
    bool has_uncommitted() const {
        return is_begun_ || groups_.size() > 1 || !groups_.back().empty();
    }

    Outcome apply();
    Outcome commit();
    // After `full`: makes room if it can and commits all there is, from the beginning.
    Outcome retry();

    Outcome load(const core::LoadRequest& request, core::LoadedMessages& to);

    // Moves the log into the database; with `is_last`, all of it.
    Outcome checkpoint(bool is_last);
    // The log is long, or may soon need more room in the database than there is.
    bool needs_checkpoint() const;
    // Gives pages that are free back to the file system, some at a time; `has_more` says whether to
    // call again.
    Outcome reclaim(bool& has_more);
    Outcome keep_wall_clock();

    void set_references(ReferenceCounts references) { references_ = std::move(references); }
    Connection& connection() { return connection_; }
    const std::string& error_text() const { return error_; }

private:
    // A bigger log makes a checkpoint stall, a smaller one makes them too many.
    static constexpr int log_pages_max = 1000;
    static constexpr int log_pages_min = 16;

    Outcome check(int status);
    Outcome begin();
    Outcome apply_from(std::size_t first);
    Outcome finish();
    Outcome load_rows(const core::LoadRequest& request, core::LoadedMessages& to);
    Outcome keep_marks();
    Outcome keep_mark(std::string_view key, std::uint64_t used, std::uint64_t& reserved);
    void roll_back();
    std::int64_t wall_now_ms() const;

    Connection connection_;
    WallClock clock_;
    std::chrono::steady_clock::time_point opened_at_;
    std::chrono::steady_clock::time_point clock_kept_at_;
    RowWriter rows_;
    ReferenceCounts references_;
    Parts parts_;
    std::vector<Group> groups_;  // the applied ones, then the pending one
    IdMarks reserved_;           // ids up to these may have been given out, as the disk knows
    IdMarks next_reserved_;      // once the open transaction is committed
    bool is_begun_ = false;
    int log_pages_ = 0;
    std::string error_;
};

}  // namespace martlet::store
