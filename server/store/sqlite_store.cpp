#include "server/store/sqlite_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "server/store/checksum_vfs.hpp"
#include "server/store/database_file.hpp"
#include "server/store/recovery.hpp"
#include "server/store/schema.hpp"

namespace martlet::store {

namespace {

using Clock = Intake::Clock;

// Free pages are looked for so long after a commit; while there are more, so often.
constexpr auto reclaim_delay = std::chrono::seconds(1);

constexpr auto reclaim_interval = std::chrono::milliseconds(20);

bool is_damage(int status) {
    const int primary = status & 0xFF;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || status == SQLITE_IOERR_DATA ||
           status == SQLITE_IOERR_SHORT_READ;
}

// All ids of all requests, ascending, each once: sessions that come back at the same time wait for
// the same messages, or for neighbours.
core::LoadRequest merge(const std::vector<Request>& requests) {
    core::LoadRequest all;
    for (const Request& request : requests) {
        all.ids.insert(all.ids.end(), request.load.ids.begin(), request.load.ids.end());
    }
    std::sort(all.ids.begin(), all.ids.end());
    all.ids.erase(std::unique(all.ids.begin(), all.ids.end()), all.ids.end());
    return all;
}

// `found` has all that is wanted, ids ascending.
core::LoadedMessages pick(const core::LoadRequest& wanted, const core::LoadedMessages& found) {
    core::LoadedMessages picked;
    picked.slot = wanted.slot;
    picked.session = wanted.session;
    picked.ids = wanted.ids;
    picked.messages.reserve(wanted.ids.size());
    auto at = found.ids.begin();
    for (const core::MessageId id : wanted.ids) {
        // What is in flight may not ascend.
        const bool is_further = at != found.ids.end() && *at <= id;
        at = std::lower_bound(is_further ? at : found.ids.begin(), found.ids.end(), id);
        picked.messages.push_back(found.messages[static_cast<std::size_t>(at - found.ids.begin())]);
    }
    return picked;
}

// The directory for its owner only; what leads to it as usual. "" or what is in the way.
std::string make_directory(const std::string& directory) {
    const std::filesystem::path path(directory);
    std::error_code error;
    if (path.has_parent_path()) {
        std::filesystem::create_directories(path.parent_path(), error);
    }
    if (!error && mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        error.assign(errno, std::generic_category());
    }
    return error ? fmt::format("{}: {}; make it, or set another persistence_location", directory,
                               error.message())
                 : std::string();
}

}  // namespace

class SqliteStore::Port final : public core::Store {
public:
    Port(Intake& intake, core::ShardIndex shard) : intake_(intake), shard_(shard) {}

    bool keeps_records() const override { return true; }
    void submit(core::StoreTicket ticket, core::StoreBatch batch) override {
        intake_.put(Submission{shard_, ticket, std::move(batch)});
    }
    void load(core::LoadRequest request) override {
        intake_.put(Request{shard_, std::move(request)});
    }

private:
    Intake& intake_;
    core::ShardIndex shard_;
};

SqliteStore::SqliteStore(StoreOptions options, LockFile lock)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      intake_({.commit_delay = options_.commit_delay, .lazy_delay = options_.lazy_delay}),
      told_(options_.shard_count),
      submitted_(options_.shard_count) {
    const auto first_shard = [](std::string_view) { return core::ShardIndex{0}; };
    if (!options_.shard_of_session) {
        options_.shard_of_session = first_shard;
    }
    if (!options_.on_warning) {
        options_.on_warning = [](const std::string&) {};
    }
    if (!options_.shard_of_retained) {
        options_.shard_of_retained = first_shard;
    }
    for (core::ShardIndex shard = 0; shard < options_.shard_count; ++shard) {
        ports_.push_back(std::make_unique<Port>(intake_, shard));
    }
}

SqliteStore::~SqliteStore() {
    stop();
}

std::unique_ptr<SqliteStore> SqliteStore::open(StoreOptions options) {
    LockFile lock;
    std::string problem = make_directory(options.directory);
    problem = problem.empty() ? lock.acquire(options.directory) : problem;
    if (!problem.empty()) {
        throw std::runtime_error(problem);
    }
    std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(options), std::move(lock)));
    store->open_database();
    return store;
}

void SqliteStore::open_database() {
    if (const std::string wrong = ensure_database(database_path()); !wrong.empty()) {
        throw std::runtime_error(wrong);
    }
    std::error_code unknown;
    if (std::filesystem::file_size(database_path(), unknown) < page_size && !unknown) {
        refuse_to_start(SQLITE_CORRUPT, "it is cut short");  // SQLite would begin with nothing
    }
    Connection connection;
    const int status = connection.open(database_path(), SQLITE_OPEN_READWRITE, checksum_vfs_name());
    if (status != SQLITE_OK) {
        refuse_to_start(status, connection.error_text());
    }
    if (const std::optional<std::string> wrong = prepare_database(connection)) {
        refuse_to_start(connection.extended_error(), *wrong);
    }
    IdMarks reserved;
    const auto wall_ms = get_meta(connection, meta_wall_clock);
    const auto session = get_meta(connection, meta_session_id);
    const auto message = get_meta(connection, meta_message_id);
    const auto retained = get_meta(connection, meta_retained_id);
    if (!wall_ms || !session || !message || !retained) {
        refuse_to_start(connection.extended_error(), connection.error_text());
    }
    reserved.session = static_cast<std::uint64_t>(*session);
    reserved.message = static_cast<std::uint64_t>(*message);
    reserved.retained = static_cast<std::uint64_t>(*retained);
    const std::int64_t lag_ms = std::chrono::milliseconds(wall_clock_lag_max).count();
    ended_at_ms_ = *wall_ms + lag_ms;
    // Time spent with the clock set back counts for nothing, rather than the wrong way.
    clock_ = WallClock(options_.clock_base, std::max(options_.wall_ms_at_base, *wall_ms));
    database_ = std::make_unique<Database>(std::move(connection), clock_, reserved);
    if (!database_->prepare() || database_->keep_wall_clock() == Outcome::failed) {
        Connection& opened = database_->connection();
        refuse_to_start(opened.extended_error(), opened.error_text());
    }
}

std::string SqliteStore::database_path() const {
    return options_.directory + "/" + database_file;
}

void SqliteStore::refuse_to_start(int status, const std::string& reason) const {
    throw std::runtime_error(is_damage(status)
                                 ? fmt::format("{}: damaged: {}; run `martlet store check {}`",
                                               database_path(), reason, options_.directory)
                                 : fmt::format("{}: {}", database_path(), reason));
}

std::vector<core::RecoveredState> SqliteStore::recover() {
    const RecoveryOptions options{options_.shard_count, options_.shard_of_session,
                                  options_.shard_of_retained, clock_};
    Recovered recovered;
    if (const auto wrong = store::recover(database_->connection(), options, recovered)) {
        refuse_to_start(wrong->status, wrong->text);
    }
    database_->set_references(std::move(recovered.references));
    for (core::RecoveredState& state : recovered.shards) {
        state.ended_at = clock_.to_instant(ended_at_ms_);
    }
    return std::move(recovered.shards);
}

core::Store& SqliteStore::port(core::ShardIndex shard) {
    return *ports_[shard];
}

void SqliteStore::start() {
    thread_ = std::thread([this] { run(); });
}

void SqliteStore::stop() {
    if (thread_.joinable()) {
        intake_.close();
        thread_.join();
    }
}

void SqliteStore::run() {
    bool is_closed = false;
    while (!is_closed && !has_failed_) {
        Intake::Taken taken = intake_.take(next_chore(), refuses_);
        is_closed = taken.is_closed;
        take_in(std::move(taken.items));
        if (refuses_ && (is_closed || Clock::now() >= retry_at_)) {
            retry();
        }
        serve_requests();
        if (taken.is_commit_due && !refuses_ && !has_failed_) {
            on_outcome(database_->commit());
        }
        if (!is_closed) {
            tidy_up();
        }
    }
    if (!has_failed_) {
        finish();
    }
}

Clock::time_point SqliteStore::next_chore() const {
    return refuses_ ? retry_at_ : std::min(reclaim_at_, clock_at_);
}

void SqliteStore::take_in(std::vector<IntakeItem> items) {
    for (IntakeItem& item : items) {
        if (auto* submission = std::get_if<Submission>(&item)) {
            submitted_[submission->shard] = submission->ticket;
            database_->add(submission->shard, std::move(submission->batch));
        } else {
            requests_.push_back(std::move(std::get<Request>(item)));
        }
    }
}

// Loads see what is not committed yet, and wait for no commit. While the disk is full they see what
// was committed, up to the first that is not.
void SqliteStore::serve_requests() {
    if (requests_.empty() || has_failed_) {
        return;
    }
    if (!refuses_) {
        if (const Outcome outcome = database_->apply(); outcome != Outcome::done) {
            on_outcome(outcome);
        }
    }
    const core::LoadRequest all = merge(requests_);
    core::LoadedMessages found;
    Outcome outcome = has_failed_ ? Outcome::failed : database_->load(all, found);
    if (outcome == Outcome::full) {  // reading had to make room in the cache, by writing
        on_outcome(outcome);
        outcome = has_failed_ ? Outcome::failed : database_->load(all, found);
    }
    if (outcome != Outcome::done) {
        fail();
        return;
    }
    std::vector<core::StoreNews> news(options_.shard_count);
    std::vector<Request> waiting;
    for (Request& request : requests_) {
        core::LoadedMessages loaded = pick(request.load, found);
        if (refuses_) {
            // What comes after the first that is not committed is asked for again.
            const auto missing = std::find(loaded.messages.begin(), loaded.messages.end(), nullptr);
            loaded.ids.resize(static_cast<std::size_t>(missing - loaded.messages.begin()));
            loaded.messages.resize(loaded.ids.size());
        }
        if (refuses_ && loaded.ids.empty()) {
            waiting.push_back(std::move(request));
        } else {
            news[request.shard].loaded.push_back(std::move(loaded));
        }
    }
    requests_ = std::move(waiting);
    for (core::ShardIndex shard = 0; shard < options_.shard_count; ++shard) {
        if (!news[shard].loaded.empty()) {
            news[shard].refuses = refuses_;
            options_.deliver(shard, std::move(news[shard]));
        }
    }
}

void SqliteStore::on_outcome(Outcome outcome) {
    if (outcome == Outcome::full) {
        outcome = database_->retry();
    }
    switch (outcome) {
        case Outcome::done:
            tell_durable();
            break;
        case Outcome::full:
            begin_refusing();
            break;
        case Outcome::failed:
            fail();
            break;
    }
}

void SqliteStore::begin_refusing() {
    refuses_ = true;
    options_.on_warning(fmt::format(
        "{}: the disk is full: what cannot be stored is refused until there is room again; QoS 0 "
        "is served",
        database_path()));
    retry_at_ = Clock::now() + options_.retry_delay;
    for (core::ShardIndex shard = 0; shard < options_.shard_count; ++shard) {
        core::StoreNews news;
        news.refuses = true;
        options_.deliver(shard, std::move(news));
    }
}

void SqliteStore::retry() {
    switch (database_->retry()) {
        case Outcome::done:
            refuses_ = false;
            options_.on_warning(
                fmt::format("{}: there is room again: storing goes on", database_path()));
            for (core::ShardIndex shard = 0; shard < options_.shard_count; ++shard) {
                told_[shard] = submitted_[shard];
                core::StoreNews news;
                news.durable = submitted_[shard];
                options_.deliver(shard, std::move(news));
            }
            break;
        case Outcome::full:
            retry_at_ = Clock::now() + options_.retry_delay;
            break;
        case Outcome::failed:
            fail();
            break;
    }
}

// Everything that was taken in is committed.
void SqliteStore::tell_durable() {
    for (core::ShardIndex shard = 0; shard < options_.shard_count; ++shard) {
        if (told_[shard] != submitted_[shard]) {
            told_[shard] = submitted_[shard];
            core::StoreNews news;
            news.durable = submitted_[shard];
            options_.deliver(shard, std::move(news));
        }
    }
    if (reclaim_at_ == Clock::time_point::max()) {
        reclaim_at_ = Clock::now() + reclaim_delay;
    }
}

// What need not be done before the answers. That the disk is full shows at the next commit.
void SqliteStore::tidy_up() {
    if (has_failed_ || refuses_) {
        return;
    }
    if (database_->needs_checkpoint() && database_->checkpoint(false) == Outcome::failed) {
        fail();
        return;
    }
    // So that the next start knows how long the broker was down, whatever ended it.
    if (Clock::now() >= clock_at_) {
        clock_at_ = Clock::now() + wall_clock_lag_max;
        if (database_->keep_wall_clock() == Outcome::failed) {
            fail();
            return;
        }
    }
    if (Clock::now() >= reclaim_at_) {
        bool has_more = false;
        if (database_->reclaim(has_more) == Outcome::failed) {
            fail();
            return;
        }
        reclaim_at_ = has_more ? Clock::now() + reclaim_interval : Clock::time_point::max();
    }
}

void SqliteStore::finish() {
    if (refuses_) {
        options_.on_fatal(fmt::format("{}: the disk is full: what was not acknowledged is lost",
                                      database_path()));
        return;
    }
    if (database_->keep_wall_clock() == Outcome::failed ||
        database_->checkpoint(true) == Outcome::failed) {
        fail();
    }
}

void SqliteStore::fail() {
    if (std::exchange(has_failed_, true)) {
        return;
    }
    intake_.refuse_all();
    options_.on_fatal(
        fmt::format("{}: {}; nothing more can be promised to be durable. If it happens "
                    "again, run `martlet store check {}`",
                    database_path(), database_->error_text(), options_.directory));
}

}  // namespace martlet::store
