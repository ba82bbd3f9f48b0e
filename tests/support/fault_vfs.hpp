// A SQLite VFS for tests that loses what was not synced, and fails any call to the disk.
//
// While it holds writes, everything written stays in this process's memory until xSync: a process
// that ends without (`kill -9`, crash()) leaves the files as a power failure would. With
// `leak_one_in` a random part of the unsynced writes reaches the disk early, as caches do.
// A call can be failed by its number; what follows fails too (`is_final`: the power is gone) or
// not.
//
// In tests: FaultVfs::instance() makes it the process's default VFS, before any database is opened.
// Under the real broker: fault_vfs_preload.cpp.
// Ownership: a singleton, since SQLite's list of VFSes is one. Threading: shared, internally
// synchronised.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace martlet::testing {

enum class DiskCall : std::uint8_t { open, remove, read, write, truncate, sync, lock };
inline constexpr std::size_t disk_call_kinds = 7;

struct DiskFault {
    std::uint64_t at = 0;          // the first call that fails, counted from 1
    std::uint64_t count = 1;       // so many in a row
    std::optional<DiskCall> kind;  // counted among those only; none: among all
    int error = SQLITE_IOERR;
    bool is_final = false;  // everything after it fails as well
};

class FaultVfs {
public:
    static FaultVfs& instance();

    // From now on, for databases opened later.
    void hold_writes(bool holds, std::uint64_t leak_one_in, std::uint64_t seed);
    // Counting begins anew.
    void arm(const DiskFault& fault);
    void disarm();
    // Whether the armed fault has struck.
    bool has_struck() const;
    std::uint64_t calls(DiskCall kind) const;
    std::uint64_t all_calls() const;

    // The power fails: what is held is gone, and files that are open now answer only with errors.
    void crash();

    // For the functions of the VFS.
    struct HeldFile;
    // An error to answer with, if this call is to fail.
    std::optional<int> note(DiskCall kind, std::uint64_t generation);
    std::shared_ptr<HeldFile> hold(const std::string& path, sqlite3_file* file);
    void forget(const std::string& path);
    bool holds() const;
    bool leaks();
    std::uint64_t generation() const;

private:
    FaultVfs();

    mutable std::mutex mutex_;
    bool holds_ = false;
    std::uint64_t leak_one_in_ = 0;
    std::uint64_t random_ = 0;
    std::uint64_t generation_ = 1;
    std::optional<DiskFault> fault_;
    bool has_struck_ = false;
    std::array<std::uint64_t, disk_call_kinds> calls_{};
    std::map<std::string, std::shared_ptr<HeldFile>> held_;
};

}  // namespace martlet::testing
