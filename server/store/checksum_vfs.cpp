#include "server/store/checksum_vfs.hpp"

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>

#include "server/store/row_hash.hpp"
#include "server/store/schema.hpp"
#include "server/store/sqlite.hpp"

namespace martlet::store {

namespace {

constexpr int reserved_at = 20;  // of the file's header: bytes reserved at the end of each page

// SQLite allocates this together with the wrapped VFS's file, which lies behind it.
struct File {
    sqlite3_file base;
    bool is_checked;  // the database itself, not its log

    sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& self(sqlite3_file* file) {
    return *reinterpret_cast<File*>(file);
}

sqlite3_file* inner(sqlite3_file* file) {
    return self(file).inner();
}

std::uint64_t checksum(const std::byte* page, sqlite3_int64 offset) {
    return RowHash::page(page, page_size - page_checksum_size,
                         static_cast<std::uint64_t>(offset / page_size));
}

bool is_page(int size, sqlite3_int64 offset) {
    return size == page_size && offset % page_size == 0;
}

// What another program wrote with other settings is left to SQLite to judge, and to the schema's
// version to refuse.
bool reserves_no_space(const std::byte* page, sqlite3_int64 offset) {
    return offset == 0 && page[reserved_at] != std::byte{page_checksum_size};
}

// A page that was allocated and given back before it was ever written is a hole in the file. What
// was meant to be a page of rows and reads as zeros, SQLite itself refuses.
bool is_hole(const std::byte* page) {
    return page[0] == std::byte{0} && std::memcmp(page, page + 1, page_size - 1) == 0;
}

int close(sqlite3_file* file) {
    return inner(file)->pMethods->xClose(inner(file));
}

int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    const int status = inner(file)->pMethods->xRead(inner(file), to, size, offset);
    const bool is_read = status == SQLITE_OK || status == SQLITE_IOERR_SHORT_READ;
    if (!is_read || !self(file).is_checked || !is_page(size, offset)) {
        return status;
    }
    // What a short read could not find is zeros; SQLite would take them for content.
    const auto* page = static_cast<const std::byte*>(to);
    std::uint64_t kept = 0;
    std::memcpy(&kept, page + page_size - page_checksum_size, sizeof kept);
    return kept == checksum(page, offset) || (kept == 0 && is_hole(page)) ? status
                                                                          : SQLITE_IOERR_DATA;
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    sqlite3_file* const below = inner(file);
    const auto* page = static_cast<const std::byte*>(from);
    if (!self(file).is_checked || !is_page(size, offset) || reserves_no_space(page, offset)) {
        return below->pMethods->xWrite(below, from, size, offset);
    }
    std::array<std::byte, page_size> sealed;
    std::memcpy(sealed.data(), page, page_size - page_checksum_size);
    const std::uint64_t sum = checksum(sealed.data(), offset);
    std::memcpy(sealed.data() + page_size - page_checksum_size, &sum, sizeof sum);
    return below->pMethods->xWrite(below, sealed.data(), size, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return inner(file)->pMethods->xTruncate(inner(file), size);
}
int sync(sqlite3_file* file, int flags) {
    return inner(file)->pMethods->xSync(inner(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return inner(file)->pMethods->xFileSize(inner(file), size);
}
int lock(sqlite3_file* file, int level) {
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

// Version 2: shared memory, but no memory-mapped reads, which would bypass the check.
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
    File& made = *new (file) File{};
    made.is_checked = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    const int status = wrapped(vfs)->xOpen(wrapped(vfs), name, made.inner(), flags, flags_out);
    // SQLite closes a file that failed to open only if it has methods.
    made.base.pMethods = made.inner()->pMethods != nullptr ? &methods : nullptr;
    return status;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_directory) {
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

const char* checksum_vfs_name() {
    static sqlite3_vfs vfs;
    static std::once_flag once;
    std::call_once(once, [] {
        configure_sqlite();
        sqlite3_vfs* const below = sqlite3_vfs_find(nullptr);
        vfs = *below;  // with the functions that have nothing to do with files
        vfs.iVersion = below->iVersion < 2 ? below->iVersion : 2;
        vfs.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
        vfs.pNext = nullptr;
        vfs.zName = "martlet-checksum";
        vfs.pAppData = below;
        vfs.xOpen = open;
        vfs.xDelete = delete_file;
        vfs.xAccess = access_file;
        vfs.xFullPathname = full_pathname;
        vfs.xGetLastError = last_error;
        sqlite3_vfs_register(&vfs, 0);
    });
    return vfs.zName;
}

}  // namespace martlet::store
