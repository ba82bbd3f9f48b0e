#include "tests/support/fault_vfs.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>

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

// SQLite allocates this together with the default VFS's file, which lies behind it.
struct File {
    sqlite3_file base;
    std::uint64_t generation;
    std::string* path;
    std::shared_ptr<FaultVfs::HeldFile>* held;  // null: passes through

    sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& self(sqlite3_file* file) {
    return *reinterpret_cast<File*>(file);
}
sqlite3_file* inner(sqlite3_file* file) {
    return self(file).inner();
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
    return inner(file)->pMethods->xClose(inner(file));
}

int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    if (const auto error = note(file, DiskCall::read)) {
        return *error;
    }
    FaultVfs::HeldFile* const state = held(file);
    if (state == nullptr) {
        return inner(file)->pMethods->xRead(inner(file), to, size, offset);
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
        carry_out(inner(file), change);
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
        return inner(file)->pMethods->xWrite(inner(file), from, size, offset);
    }
    const auto* bytes = static_cast<const unsigned char*>(from);
    return change_held(file, *state, {offset, {bytes, bytes + size}, false});
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (const auto error = note(file, DiskCall::truncate)) {
        return *error;
    }
    FaultVfs::HeldFile* const state = held(file);
    return state == nullptr ? inner(file)->pMethods->xTruncate(inner(file), size)
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
        if (const int status = carry_out(inner(file), change); status != SQLITE_OK) {
            return status;
        }
    }
    state->unsynced.clear();
    return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    FaultVfs::HeldFile* const state = held(file);
    if (state == nullptr) {
        return inner(file)->pMethods->xFileSize(inner(file), size);
    }
    const std::lock_guard lock(state->mutex);
    *size = static_cast<sqlite3_int64>(state->content.size());
    return SQLITE_OK;
}

int lock(sqlite3_file* file, int level) {
    if (const auto error = note(file, DiskCall::lock)) {
        return *error;
    }
    return inner(file)->pMethods->xLock(inner(file), level);
}
int unlock(sqlite3_file* file, int level) {
    return inner(file)->pMethods->xUnlock(inner(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* result) {
    return inner(file)->pMethods->xCheckReservedLock(inner(file), result);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
    return inner(file)->pMethods->xFileControl(inner(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
    return inner(file)->pMethods->xSectorSize(inner(file));
}
int device_characteristics(sqlite3_file* file) {
    return inner(file)->pMethods->xDeviceCharacteristics(inner(file));
}
int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** to) {
    return inner(file)->pMethods->xShmMap(inner(file), region, size, extend, to);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return inner(file)->pMethods->xShmLock(inner(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) {
    inner(file)->pMethods->xShmBarrier(inner(file));
}
int shm_unmap(sqlite3_file* file, int is_deleted) {
    return inner(file)->pMethods->xShmUnmap(inner(file), is_deleted);
}

constexpr sqlite3_io_methods methods{.iVersion = 2,
                                     .xClose = close,
                                     .xRead = read,
                                     .xWrite = write,
                                     .xTruncate = truncate,
                                     .xSync = sync,
                                     .xFileSize = file_size,
                                     .xLock = lock,
                                     .xUnlock = unlock,
                                     .xCheckReservedLock = check_reserved_lock,
                                     .xFileControl = file_control,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = device_characteristics,
                                     .xShmMap = shm_map,
                                     .xShmLock = shm_lock,
                                     .xShmBarrier = shm_barrier,
                                     .xShmUnmap = shm_unmap,
                                     .xFetch = nullptr,
                                     .xUnfetch = nullptr};

sqlite3_vfs* wrapped(sqlite3_vfs* vfs) {
    return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    FaultVfs& faults = FaultVfs::instance();
    File& made = *new (file) File{};
    if (const auto error = faults.note(DiskCall::open, faults.generation())) {
        return *error;
    }
    const int status = wrapped(vfs)->xOpen(wrapped(vfs), name, made.inner(), flags, flags_out);
    if (made.inner()->pMethods == nullptr) {
        return status;
    }
    made.base.pMethods = &methods;
    made.generation = faults.generation();
    constexpr int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    if (status == SQLITE_OK && (flags & kept) != 0 && name != nullptr && faults.holds()) {
        made.held = new std::shared_ptr<FaultVfs::HeldFile>(faults.hold(name, made.inner()));
    }
    return status;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    FaultVfs& faults = FaultVfs::instance();
    if (const auto error = faults.note(DiskCall::remove, faults.generation())) {
        return *error;
    }
    faults.forget(name);
    return wrapped(vfs)->xDelete(wrapped(vfs), name, sync_directory);
}
int access_file(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
    return wrapped(vfs)->xAccess(wrapped(vfs), name, flags, result);
}
int full_pathname(sqlite3_vfs* vfs, const char* name, int size, char* to) {
    return wrapped(vfs)->xFullPathname(wrapped(vfs), name, size, to);
}
int last_error(sqlite3_vfs* vfs, int size, char* to) {
    return wrapped(vfs)->xGetLastError(wrapped(vfs), size, to);
}

}  // namespace

FaultVfs& FaultVfs::instance() {
    static FaultVfs faults;
    return faults;
}

FaultVfs::FaultVfs() {
    static sqlite3_vfs vfs;
    sqlite3_vfs* const below = sqlite3_vfs_find(nullptr);
    vfs = *below;
    vfs.iVersion = std::min(below->iVersion, 2);
    vfs.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
    vfs.pNext = nullptr;
    vfs.zName = "martlet-faults";
    vfs.pAppData = below;
    vfs.xOpen = open;
    vfs.xDelete = delete_file;
    vfs.xAccess = access_file;
    vfs.xFullPathname = full_pathname;
    vfs.xGetLastError = last_error;
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
