// `martlet store backup`: a copy of one moment, through a connection that only reads.
#include <fmt/format.h>

#include <cstdio>

#include "server/store/checksum_vfs.hpp"
#include "server/store/database_file.hpp"
#include "server/store/schema.hpp"
#include "server/store/store_tool.hpp"

namespace martlet::store {

namespace {

// "" or what is in the way. All pages in one read transaction: the broker goes on writing into its
// log, and the copy never has to begin anew.
std::string copy(Connection& from, const std::string& file) {
    Connection to;
    if (to.open(file, SQLITE_OPEN_READWRITE, checksum_vfs_name()) != SQLITE_OK ||
        set_format(to) != SQLITE_OK || to.execute("PRAGMA synchronous=FULL") != SQLITE_OK) {
        return to.error_text();
    }
    sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
    if (backup == nullptr) {
        return to.error_text();
    }
    sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup) == SQLITE_OK ? "" : to.error_text();
}

}  // namespace

int back_up_store(const std::string& directory, const std::string& file, std::FILE* out) {
    Connection from;
    std::string wrong = open_for_reading(directory + "/" + database_file, from);
    if (!wrong.empty()) {
        fmt::print(out, "{}\n", wrong);
        return 1;
    }
    wrong = make_private_file(file);
    if (!wrong.empty()) {
        fmt::print(out, "{}\n", wrong);
        return 1;
    }
    wrong = copy(from, file);
    if (!wrong.empty()) {
        remove_database(file);
        fmt::print(out, "{}: {}\n", file, wrong);
        return 1;
    }
    const int status = check_database(file, out);
    // Left by the check, which is the file's only reader.
    std::remove((file + "-wal").c_str());
    std::remove((file + "-shm").c_str());
    return status;
}

}  // namespace martlet::store
