#include "server/store/checksum_vfs.hpp"

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>

#include "server/store/forwarding_vfs.hpp"
#include "server/store/row_hash.hpp"
#include "server/store/schema.hpp"
#include "server/store/sqlite.hpp"

namespace martlet::store {

namespace {

constexpr int reserved_at = 20;  // of the file's header: bytes reserved at the end of each page

struct File {
    sqlite3_file base;
    bool is_checked;  // the database itself, not its log
};
using Forwarding = ForwardingVfs<File>;

File& self(sqlite3_file* file) {
    return *reinterpret_cast<File*>(file);
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

int read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    const int status = Forwarding::read(file, to, size, offset);
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
    const auto* page = static_cast<const std::byte*>(from);
    if (!self(file).is_checked || !is_page(size, offset) || reserves_no_space(page, offset)) {
        return Forwarding::write(file, from, size, offset);
    }
    std::array<std::byte, page_size> sealed;
    std::memcpy(sealed.data(), page, page_size - page_checksum_size);
    const std::uint64_t sum = checksum(sealed.data(), offset);
    std::memcpy(sealed.data() + page_size - page_checksum_size, &sum, sizeof sum);
    return Forwarding::write(file, sealed.data(), size, offset);
}

constexpr sqlite3_io_methods methods = [] {
    sqlite3_io_methods made = Forwarding::methods();
    made.xRead = read;
    made.xWrite = write;
    return made;
}();

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    File& made = *new (file) File{};
    made.is_checked = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    sqlite3_file* const inner = Forwarding::inner(file);
    sqlite3_vfs* const below = Forwarding::below(vfs);
    const int status = below->xOpen(below, name, inner, flags, flags_out);
    // SQLite closes a file that failed to open only if it has methods.
    made.base.pMethods = inner->pMethods != nullptr ? &methods : nullptr;
    return status;
}

}  // namespace

const char* checksum_vfs_name() {
    static sqlite3_vfs vfs;
    static std::once_flag once;
    std::call_once(once, [] {
        configure_sqlite();
        Forwarding::set_up(vfs, "martlet-checksum");
        vfs.xOpen = open;
        sqlite3_vfs_register(&vfs, 0);
    });
    return vfs.zName;
}

}  // namespace martlet::store
