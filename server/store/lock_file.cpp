#include "server/store/lock_file.hpp"

#include <errno.h>  // NOLINT(modernize-deprecated-headers): POSIX
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <system_error>

namespace martlet::store {

namespace {

std::string path_in(const std::string& directory) {
    return directory + "/martlet.lock";
}

std::string read_owner(int descriptor) {
    std::array<char, 32> text{};
    const ssize_t size = pread(descriptor, text.data(), text.size() - 1, 0);
    const std::string owner(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return owner.substr(0, owner.find('\n'));
}

}  // namespace

LockFile::~LockFile() {
    if (descriptor_ >= 0) {
        close(descriptor_);
    }
}

std::string LockFile::acquire(const std::string& directory) {
    const std::string path = path_in(directory);
    descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0) {
        return fmt::format("{}: {}; the broker must be able to write there", path,
                           std::generic_category().message(errno));
    }
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        return fmt::format(
            "{}: another broker (process {}) uses this directory; stop it, or set another "
            "persistence_location",
            path, read_owner(descriptor_));
    }
    // Only for people to read: a failure is no reason not to start.
    const std::string owner = fmt::format("{}\n", getpid());
    if (ftruncate(descriptor_, 0) == 0) {
        [[maybe_unused]] const ssize_t written = pwrite(descriptor_, owner.data(), owner.size(), 0);
    }
    return "";
}

bool is_locked(const std::string& directory) {
    const int descriptor = open(path_in(directory).c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    const bool is_free = flock(descriptor, LOCK_SH | LOCK_NB) == 0;
    close(descriptor);
    return !is_free;
}

}  // namespace martlet::store
