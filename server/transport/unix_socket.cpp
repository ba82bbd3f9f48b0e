#include "server/transport/unix_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "protocol/assert.hpp"

namespace martlet::transport {

namespace {

static_assert(sizeof(sockaddr_un::sun_path) == unix_path_length_max + 1);

sockaddr_un address_of(const std::string& path) {
    MARTLET_ASSERT(path.size() <= unix_path_length_max);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    return address;
}

OwnedFd make_socket() {
    return OwnedFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

UnixSocket failed(const std::string& path, int error) {
    UnixSocket result;
    result.error = fmt::format("{}: {}", path, std::system_category().message(error));
    return result;
}

// Clears away a socket file that nobody listens on. What stands in the way otherwise; 0: nothing.
int clear_away(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return EEXIST;
    }
    const OwnedFd probe = make_socket();
    if (!probe) {
        return errno;
    }
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
        errno != ECONNREFUSED) {
        // Accepted, or waiting to be: somebody is there. Or we may not know.
        return errno == EACCES ? EACCES : EADDRINUSE;
    }
    return ::unlink(path.c_str()) == 0 ? 0 : errno;
}

// The file is never there with more rights than it is to have.
int bind_with_mode(const OwnedFd& socket, const sockaddr_un& address,
                   std::optional<std::uint32_t> mode) {
    constexpr mode_t all_rights = 0777;
    const mode_t before = mode ? ::umask(~static_cast<mode_t>(*mode) & all_rights) : 0;
    const int error =
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0
            ? 0
            : errno;
    if (mode) {
        ::umask(before);
    }
    return error;
}

}  // namespace

UnixSocketFile::UnixSocketFile(std::string path) : path_(std::move(path)) {
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0) {
        device_ = status.st_dev;
        inode_ = status.st_ino;
    }
}

void UnixSocketFile::remove() {
    struct stat status {};
    if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
    path_.clear();
}

UnixSocket bind_unix_socket(const std::string& path, std::optional<std::uint32_t> mode) {
    const sockaddr_un address = address_of(path);
    if (const int error = clear_away(path, address); error != 0) {
        return failed(path, error);
    }
    UnixSocket result;
    result.socket = make_socket();
    if (!result.socket) {
        return failed(path, errno);
    }
    if (const int error = bind_with_mode(result.socket, address, mode); error != 0) {
        return failed(path, error);
    }
    result.file = UnixSocketFile(path);
    return result;
}

}  // namespace martlet::transport
