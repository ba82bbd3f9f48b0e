#include "server/store/database.hpp"

#include <errno.h>  // NOLINT(modernize-deprecated-headers): EDQUOT is POSIX
#include <sys/statvfs.h>

#include <algorithm>
#include <utility>

#include "server/store/schema.hpp"

namespace martlet::store {

namespace {

// So many ids are set aside at a time, so that the mark on disk moves rarely.
constexpr std::uint64_t ids_reserved = 1U << 20U;
// Free pages are kept for what comes next, unless they are many, and one in so many of all.
constexpr std::int64_t free_pages_min = 256;
constexpr std::int64_t free_share_min = 4;
constexpr const char* reclaim_sql = "PRAGMA incremental_vacuum(512)";

// Out of space, in one of the ways in which SQLite says so. Not for fsync: what was written before
// is then in doubt.
bool is_full(int status, int reason) {
    const int primary = status & 0xFF;
    const bool is_out_of_space = reason == ENOSPC || reason == EDQUOT;
    return primary == SQLITE_FULL ||
           (is_out_of_space && (status == SQLITE_IOERR_WRITE || status == SQLITE_IOERR_SHMSIZE ||
                                primary == SQLITE_CANTOPEN));
}

}  // namespace

Database::Database(Connection connection, WallClock clock, IdMarks reserved)
    : connection_(std::move(connection)),
      clock_(clock),
      opened_at_(std::chrono::steady_clock::now()),
      clock_kept_at_(opened_at_),
      rows_(connection_, clock_),
      groups_(1),
      reserved_(reserved) {
    sqlite3_wal_hook(
        connection_.handle(),
        [](void* self, sqlite3*, const char*, int pages) {
            static_cast<Database*>(self)->log_pages_ = pages;
            return SQLITE_OK;
        },
        this);
}

Outcome Database::check(int status) {
    if (status == SQLITE_OK) {
        return Outcome::done;
    }
    // A row that does not match its checksum is no error of SQLite's.
    error_ = status == SQLITE_IOERR_DATA ? "data on the disk does not match its checksum"
                                         : connection_.error_text();
    return is_full(status, sqlite3_system_errno(connection_.handle())) ? Outcome::full
                                                                       : Outcome::failed;
}

void Database::add(core::ShardIndex shard, core::StoreBatch batch) {
    groups_.back().add(shard, std::move(batch), references_, parts_);
}

Outcome Database::begin() {
    if (is_begun_) {
        return Outcome::done;
    }
    const Outcome outcome = check(connection_.execute("BEGIN IMMEDIATE"));
    is_begun_ = outcome == Outcome::done;
    return outcome;
}

Outcome Database::apply() {
    if (groups_.back().empty()) {
        return Outcome::done;
    }
    groups_.back().close();
    groups_.emplace_back();
    return apply_from(groups_.size() - 2);
}

Outcome Database::apply_from(std::size_t first) {
    Outcome outcome = begin();
    rows_.set_now(wall_now_ms() / 1000);
    for (std::size_t i = first; outcome == Outcome::done && i + 1 < groups_.size(); ++i) {
        outcome = check(rows_.apply(groups_[i]));
    }
    return outcome;
}

Outcome Database::commit() {
    const Outcome outcome = apply();
    return outcome == Outcome::done ? finish() : outcome;
}

Outcome Database::finish() {
    if (!is_begun_) {
        return Outcome::done;
    }
    Outcome outcome = keep_marks();
    if (outcome == Outcome::done) {
        outcome = check(connection_.execute("COMMIT"));
    }
    if (outcome == Outcome::done) {
        is_begun_ = false;
        reserved_ = next_reserved_;
        groups_.resize(1);
        groups_.front().clear();
    }
    return outcome;
}

Outcome Database::retry() {
    if (!groups_.back().empty()) {
        groups_.back().close();
        groups_.emplace_back();
    }
    roll_back();
    // The log's own pages may be all the room that is needed. Whether that works shows in a moment.
    sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                              nullptr);
    Outcome outcome = apply_from(0);
    outcome = outcome == Outcome::done ? finish() : outcome;
    if (outcome != Outcome::done) {
        roll_back();
    }
    return outcome;
}

void Database::roll_back() {
    is_begun_ = false;
    if (connection_.is_in_transaction()) {
        connection_.execute("ROLLBACK");  // SQLite itself may have done it already
    }
}

Outcome Database::keep_marks() {
    IdMarks used;
    for (const Group& group : groups_) {
        used.session = std::max(used.session, group.marks().session);
        used.message = std::max(used.message, group.marks().message);
        used.retained = std::max(used.retained, group.marks().retained);
    }
    next_reserved_ = reserved_;
    Outcome outcome = keep_mark(meta_session_id, used.session, next_reserved_.session);
    if (outcome == Outcome::done) {
        outcome = keep_mark(meta_message_id, used.message, next_reserved_.message);
    }
    if (outcome == Outcome::done) {
        outcome = keep_mark(meta_retained_id, used.retained, next_reserved_.retained);
    }
    const auto now = std::chrono::steady_clock::now();
    if (outcome == Outcome::done && now - clock_kept_at_ >= wall_clock_lag_max) {
        clock_kept_at_ = now;
        outcome = keep_wall_clock();
    }
    return outcome;
}

Outcome Database::keep_mark(std::string_view key, std::uint64_t used, std::uint64_t& reserved) {
    if (used <= reserved) {
        return Outcome::done;
    }
    const std::uint64_t mark = used + ids_reserved;
    const Outcome outcome = check(put_meta(connection_, key, static_cast<std::int64_t>(mark)));
    reserved = outcome == Outcome::done ? mark : reserved;
    return outcome;
}

std::int64_t Database::wall_now_ms() const {
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - opened_at_);
    return clock_.wall_ms_at_base() + passed.count();
}

Outcome Database::keep_wall_clock() {
    return check(put_meta(connection_, meta_wall_clock, wall_now_ms()));
}

// In one transaction: SQLite would lock and unlock the file for each row.
Outcome Database::load_rows(const core::LoadRequest& request, core::LoadedMessages& to) {
    if (is_begun_) {
        return check(rows_.load(request, to));
    }
    Outcome outcome = check(connection_.execute("BEGIN"));
    if (outcome == Outcome::done) {
        outcome = check(rows_.load(request, to));
        const Outcome ended = check(connection_.execute("COMMIT"));
        outcome = outcome == Outcome::done ? ended : outcome;
    }
    return outcome;
}

Outcome Database::load(const core::LoadRequest& request, core::LoadedMessages& to) {
    const Outcome outcome = load_rows(request, to);
    for (std::size_t i = 0; !parts_.empty() && i < to.messages.size(); ++i) {
        if (to.messages[i] == nullptr) {
            to.messages[i] = parts_.find(to.ids[i]);
        }
    }
    return outcome;
}

bool Database::needs_checkpoint() const {
    if (is_begun_) {
        return false;  // SQLite makes none within a transaction; it is asked again after the commit
    }
    if (log_pages_ < log_pages_min || log_pages_ >= log_pages_max) {
        return log_pages_ >= log_pages_max;
    }
    // While its pages still fit into the database, a checkpoint makes the log's room free again.
    struct statvfs disk {};
    const char* const file = sqlite3_db_filename(connection_.handle(), "main");
    return statvfs(file, &disk) == 0 &&
           disk.f_bavail * disk.f_frsize < 2 * page_size * static_cast<std::uint64_t>(log_pages_);
}

Outcome Database::checkpoint(bool is_last) {
    log_pages_ = 0;  // asked again once the log has grown by a commit
    const int mode = is_last ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    const int status =
        sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, mode, nullptr, nullptr);
    // Somebody reads (a backup): what is left to do is done at the next one.
    return (status & 0xFF) == SQLITE_BUSY ? Outcome::done : check(status);
}

Outcome Database::reclaim(bool& has_more) {
    const auto free_pages = connection_.number("PRAGMA freelist_count");
    if (!free_pages) {
        return check(connection_.extended_error());
    }
    const std::int64_t all_pages = connection_.number("PRAGMA page_count").value_or(0);
    has_more = *free_pages >= free_pages_min && *free_pages * free_share_min >= all_pages;
    if (!has_more || is_begun_) {
        return Outcome::done;
    }
    return check(connection_.execute(reclaim_sql));
}

}  // namespace martlet::store
