// A SQLite VFS that hands every call on to the one below, for those that change a few of them.
//
// `File` is what SQLite allocates for a file: it begins with a sqlite3_file, and the file of the
// VFS below lies directly behind it. Threading: as SQLite demands of any VFS: none of it has state.
#pragma once

#include <sqlite3.h>

namespace martlet::store {

template <class File>
struct ForwardingVfs {
    static sqlite3_file* inner(sqlite3_file* file) {
        return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
    }
    static sqlite3_vfs* below(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

    // Version 2: shared memory, but no memory-mapped reads, which nobody could look at.
    static constexpr sqlite3_io_methods methods() {
        return {.iVersion = 2,
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
    }

    // Everything but xOpen, on top of the default VFS.
    static void set_up(sqlite3_vfs& vfs, const char* name) {
        sqlite3_vfs* const default_vfs = sqlite3_vfs_find(nullptr);
        vfs = *default_vfs;  // with the functions that have nothing to do with files
        vfs.iVersion = default_vfs->iVersion < 2 ? default_vfs->iVersion : 2;
        vfs.szOsFile = static_cast<int>(sizeof(File)) + default_vfs->szOsFile;
        vfs.pNext = nullptr;
        vfs.zName = name;
        vfs.pAppData = default_vfs;
        vfs.xDelete = delete_file;
        vfs.xAccess = access_file;
        vfs.xFullPathname = full_pathname;
        vfs.xGetLastError = last_error;
    }

    static int close(sqlite3_file* file) { return inner(file)->pMethods->xClose(inner(file)); }
    static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
        return inner(file)->pMethods->xRead(inner(file), to, size, offset);
    }
    static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
        return inner(file)->pMethods->xWrite(inner(file), from, size, offset);
    }
    static int truncate(sqlite3_file* file, sqlite3_int64 size) {
        return inner(file)->pMethods->xTruncate(inner(file), size);
    }
    static int sync(sqlite3_file* file, int flags) {
        return inner(file)->pMethods->xSync(inner(file), flags);
    }
    static int file_size(sqlite3_file* file, sqlite3_int64* size) {
        return inner(file)->pMethods->xFileSize(inner(file), size);
    }
    static int lock(sqlite3_file* file, int level) {
        return inner(file)->pMethods->xLock(inner(file), level);
    }
    static int unlock(sqlite3_file* file, int level) {
        return inner(file)->pMethods->xUnlock(inner(file), level);
    }
    static int check_reserved_lock(sqlite3_file* file, int* result) {
        return inner(file)->pMethods->xCheckReservedLock(inner(file), result);
    }
    static int file_control(sqlite3_file* file, int operation, void* argument) {
        return inner(file)->pMethods->xFileControl(inner(file), operation, argument);
    }
    static int sector_size(sqlite3_file* file) {
        return inner(file)->pMethods->xSectorSize(inner(file));
    }
    static int device_characteristics(sqlite3_file* file) {
        return inner(file)->pMethods->xDeviceCharacteristics(inner(file));
    }
    static int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** to) {
        return inner(file)->pMethods->xShmMap(inner(file), region, size, extend, to);
    }
    static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
        return inner(file)->pMethods->xShmLock(inner(file), offset, count, flags);
    }
    static void shm_barrier(sqlite3_file* file) { inner(file)->pMethods->xShmBarrier(inner(file)); }
    static int shm_unmap(sqlite3_file* file, int is_deleted) {
        return inner(file)->pMethods->xShmUnmap(inner(file), is_deleted);
    }

    static int delete_file(sqlite3_vfs* vfs, const char* name, int sync_directory) {
        return below(vfs)->xDelete(below(vfs), name, sync_directory);
    }
    static int access_file(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
        return below(vfs)->xAccess(below(vfs), name, flags, result);
    }
    static int full_pathname(sqlite3_vfs* vfs, const char* name, int size, char* to) {
        return below(vfs)->xFullPathname(below(vfs), name, size, to);
    }
    static int last_error(sqlite3_vfs* vfs, int size, char* to) {
        return below(vfs)->xGetLastError(below(vfs), size, to);
    }
};

}  // namespace martlet::store
