#include "tests/support/fault_vfs.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>

#include "server/store/forwarding_vfs.hpp"

namespace martlet::testing {

namespace {

struct Change {
    sqlite3_int64 offset = 0;
    std::vector<unsigned char> bytes;
    bool is_truncation = false;
};

}  // namespace

// What a file would be if nothing were ever lost, and how it got there since the last sync. Shared
// by all who have it open, under the mutex.
struct FaultVfs::HeldFile {
    std::mutex mutex;
    std::vector<unsigned char> content;
    std::vector<Change> unsynced;
};

namespace {

struct File {
    sqlite3_file base;
    std::uint64_t generation;
    std::string* path;
    std::shared_ptr<FaultVfs::HeldFile>* held;  // null: passes through
};
using Forwarding = store::ForwardingVfs<File>;

File& self(sqlite3_file* file) {
    return *reinterpret_cast<File*>(file);
}
FaultVfs::HeldFile* held(sqlite3_file* file) {
    return self(file).held != nullptr ? self(file).held->get() : nullptr;
}
std::optional<int> note(sqlite3_file* file, DiskCall kind) {
    return FaultVfs::instance().note(kind, self(file).generation);
}

int close(sqlite3_file* file) {
    delete self(file).path;
    delete self(file).held;
    return Forwarding::close(file);
}

int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    if (const auto error = note(file, DiskCall::read)) {
        return *error;
    }
    FaultVfs::HeldFile* const state = held(file);
    if (state == nullptr) {
        return Forwarding::read(file, to, size, offset);
    }
    const std::lock_guard lock(state->mutex);
    const auto wanted = static_cast<std::size_t>(size);
    const auto from = std::min(static_cast<std::size_t>(offset), state->content.size());
    const std::size_t there = std::min(wanted, state->content.size() - from);
    std::copy_n(state->content.data() + from, there, static_cast<unsigned char*>(to));
    std::memset(static_cast<unsigned char*>(to) + there, 0, wanted - there);
    return there == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

void change_content(std::vector<unsigned char>& content, const Change& change) {
    const auto offset = static_cast<std::size_t>(change.offset);
    if (change.is_truncation) {
        content.resize(offset);
        return;
    }
    content.resize(std::max(content.size(), offset + change.bytes.size()));
    std::copy(change.bytes.begin(), change.bytes.end(),
              content.begin() + static_cast<std::ptrdiff_t>(offset));
}

int carry_out(sqlite3_file* real, const Change& change) {
    return change.is_truncation
               ? real->pMethods->xTruncate(real, change.offset)
               : real->pMethods->xWrite(real, change.bytes.data(),
                                        static_cast<int>(change.bytes.size()), change.offset);
}

int change_held(sqlite3_file* file, FaultVfs::HeldFile& state, Change change) {
    const std::lock_guard lock(state.mutex);
    change_content(state.content, change);
    if (FaultVfs::instance().leaks()) {
        carry_out(Forwarding::inner(file), change);
    }
    state.unsynced.push_back(std::move(change));
    return SQLITE_OK;
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    if (const auto error = note(file, DiskCall::write)) {
        return *error;
    }
    FaultVfs::HeldFile* const state = held(file);
    if (state == nullptr) {
        return Forwarding::write(file, from, size, offset);
    }
    const auto* bytes = static_cast<const unsigned char*>(from);
    return change_held(file, *state, {offset, {bytes, bytes + size}, false});
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (const auto error = note(file, DiskCall::truncate)) {
        return *error;
    }
    FaultVfs::HeldFile* const state = held(file);
    return state == nullptr ? Forwarding::truncate(file, size)
                            : change_held(file, *state, {size, {}, true});
}

int sync(sqlite3_file* file, int /*flags*/) {
    if (const auto error = note(file, DiskCall::sync)) {
        return *error;
    }
    // The kernel outlives the process, so nothing is really synced: tests would take minutes.
    FaultVfs::HeldFile* const state = held(file);
    if (state == nullptr) {
        return SQLITE_OK;
    }
    const std::lock_guard lock(state->mutex);
    for (const Change& change : state->unsynced) {
        if (const int status = carry_out(Forwarding::inner(file), change); status != SQLITE_OK) {
            return status;
        }
    }
    state->unsynced.clear();
    return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    FaultVfs::HeldFile* const state = held(file);
    if (state == nullptr) {
        return Forwarding::file_size(file, size);
    }
    const std::lock_guard lock(state->mutex);
    *size = static_cast<sqlite3_int64>(state->content.size());
    return SQLITE_OK;
}

int lock(sqlite3_file* file, int level) {
    if (const auto error = note(file, DiskCall::lock)) {
        return *error;
    }
    return Forwarding::lock(file, level);
}

constexpr sqlite3_io_methods methods = [] {
    sqlite3_io_methods made = Forwarding::methods();
    made.xClose = close;
    made.xRead = read;
    made.xWrite = write;
    made.xTruncate = truncate;
    made.xSync = sync;
    made.xFileSize = file_size;
    made.xLock = lock;
    return made;
}();

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    FaultVfs& faults = FaultVfs::instance();
    File& made = *new (file) File{};
    if (const auto error = faults.note(DiskCall::open, faults.generation())) {
        return *error;
    }
    sqlite3_file* const inner = Forwarding::inner(file);
    sqlite3_vfs* const below = Forwarding::below(vfs);
    const int status = below->xOpen(below, name, inner, flags, flags_out);
    if (inner->pMethods == nullptr) {
        return status;
    }
    made.base.pMethods = &methods;
    made.generation = faults.generation();
    constexpr int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    if (status == SQLITE_OK && (flags & kept) != 0 && name != nullptr && faults.holds()) {
        made.held = new std::shared_ptr<FaultVfs::HeldFile>(faults.hold(name, inner));
    }
    return status;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    FaultVfs& faults = FaultVfs::instance();
    if (const auto error = faults.note(DiskCall::remove, faults.generation())) {
        return *error;
    }
    faults.forget(name);
    return Forwarding::delete_file(vfs, name, sync_directory);
}

}  // namespace

FaultVfs& FaultVfs::instance() {
    static FaultVfs faults;
    return faults;
}

FaultVfs::FaultVfs() {
    static sqlite3_vfs vfs;
    Forwarding::set_up(vfs, "martlet-faults");
    vfs.xOpen = open;
    vfs.xDelete = delete_file;
    sqlite3_vfs_register(&vfs, 1);
}

void FaultVfs::hold_writes(bool holds, std::uint64_t leak_one_in, std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    holds_ = holds;
    leak_one_in_ = leak_one_in;
    random_ = seed;
}

void FaultVfs::arm(const DiskFault& fault) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    has_struck_ = false;
    calls_.fill(0);
}

void FaultVfs::disarm() {
    const std::lock_guard lock(mutex_);
    fault_.reset();
}

bool FaultVfs::has_struck() const {
    const std::lock_guard lock(mutex_);
    return has_struck_;
}

std::uint64_t FaultVfs::calls(DiskCall kind) const {
    const std::lock_guard lock(mutex_);
    return calls_[static_cast<std::size_t>(kind)];
}

std::uint64_t FaultVfs::all_calls() const {
    const std::lock_guard lock(mutex_);
    return std::accumulate(calls_.begin(), calls_.end(), std::uint64_t{0});
}

std::optional<int> FaultVfs::note(DiskCall kind, std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) {
        return SQLITE_IOERR;
    }
    ++calls_[static_cast<std::size_t>(kind)];
    if (!fault_) {
        return std::nullopt;
    }
    const bool counts = !fault_->kind || *fault_->kind == kind;
    const std::uint64_t number =
        fault_->kind ? calls_[static_cast<std::size_t>(kind)]
                     : std::accumulate(calls_.begin(), calls_.end(), std::uint64_t{0});
    const bool strikes = counts && number >= fault_->at && number - fault_->at < fault_->count;
    if (!strikes && !(fault_->is_final && has_struck_)) {
        return std::nullopt;
    }
    has_struck_ = true;
    return fault_->error;
}

void FaultVfs::crash() {
    const std::lock_guard lock(mutex_);
    ++generation_;
    held_.clear();
    fault_.reset();
}

std::shared_ptr<FaultVfs::HeldFile> FaultVfs::hold(const std::string& path, sqlite3_file* file) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<HeldFile>& state = held_[path];
    if (state == nullptr) {
        state = std::make_shared<HeldFile>();
        sqlite3_int64 size = 0;
        file->pMethods->xFileSize(file, &size);
        state->content.resize(static_cast<std::size_t>(size));
        if (size != 0) {
            file->pMethods->xRead(file, state->content.data(), static_cast<int>(size), 0);
        }
    }
    return state;
}

void FaultVfs::forget(const std::string& path) {
    const std::lock_guard lock(mutex_);
    held_.erase(path);
}

bool FaultVfs::holds() const {
    const std::lock_guard lock(mutex_);
    return holds_;
}

bool FaultVfs::leaks() {
    const std::lock_guard lock(mutex_);
    random_ = random_ * 6364136223846793005 + 1442695040888963407;
    return leak_one_in_ != 0 && (random_ >> 33U) % leak_one_in_ == 0;
}

std::uint64_t FaultVfs::generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
}

}  // namespace martlet::testing
