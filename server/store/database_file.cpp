#include "server/store/database_file.hpp"

#include <errno.h>  // NOLINT(modernize-deprecated-headers): POSIX
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "server/store/checksum_vfs.hpp"
#include "server/store/schema.hpp"

namespace martlet::store {

namespace {

std::string reason() {
    return std::generic_category().message(errno);
}

bool exists(const std::string& file) {
    return access(file.c_str(), F_OK) == 0;
}

void sync_directory(const std::string& file) {
    const std::string directory = std::filesystem::path(file).parent_path().string();
    const int descriptor =
        open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
}

}  // namespace

void remove_database(const std::string& file) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
        unlink((file + suffix).c_str());
    }
}

std::string make_private_file(const std::string& file) {
    const int made = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0) {
        return fmt::format("{}: {}", file, reason());
    }
    close(made);
    return "";
}

std::string make_database(const std::string& file, Connection& connection) {
    remove_database(file);
    std::string wrong = make_private_file(file);
    if (wrong.empty() &&
        connection.open(file, SQLITE_OPEN_READWRITE, checksum_vfs_name()) != SQLITE_OK) {
        wrong = fmt::format("{}: {}", file, connection.error_text());
    }
    if (wrong.empty()) {
        wrong = prepare_database(connection).value_or("");
    }
    if (wrong.empty() && connection.execute("PRAGMA wal_checkpoint(TRUNCATE)") != SQLITE_OK) {
        wrong = fmt::format("{}: {}", file, connection.error_text());
    }
    return wrong;
}

std::string ensure_database(const std::string& file) {
    if (exists(file)) {
        return "";
    }
    if (exists(file + "-wal")) {
        return fmt::format(
            "{0}: missing, though its log {0}-wal is there; put it back, or move "
            "the log away to begin with nothing",
            file);
    }
    const std::string fresh = file + ".new";
    {
        Connection connection;
        if (std::string wrong = make_database(fresh, connection); !wrong.empty()) {
            return wrong;
        }
    }
    if (std::rename(fresh.c_str(), file.c_str()) != 0) {
        return fmt::format("{}: {}", file, reason());
    }
    sync_directory(file);
    return "";
}

}  // namespace martlet::store
