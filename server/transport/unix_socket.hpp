// A bound Unix domain socket, and the file that stands for it.
//
// A socket file outlives its process; one that nobody listens on any more is cleared away, anything
// else in its place is left alone. Ownership: the file is removed with its UnixSocketFile, if it is
// still the same one. Threading: made before the shards run, removed after; binding changes the
// process's umask for a moment.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "server/transport/owned_fd.hpp"

namespace martlet::transport {

class UnixSocketFile {
public:
    UnixSocketFile() = default;
    // Remembers which file is at `path` now.
    explicit UnixSocketFile(std::string path);
    UnixSocketFile(UnixSocketFile&& other) noexcept { swap(other); }
    UnixSocketFile& operator=(UnixSocketFile&& other) noexcept {
        swap(other);
        return *this;
    }
    ~UnixSocketFile() { remove(); }

    void remove();

private:
    void swap(UnixSocketFile& other) noexcept {
        std::swap(path_, other.path_);
        std::swap(device_, other.device_);
        std::swap(inode_, other.inode_);
    }

    std::string path_;  // empty: none
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

// What sun_path holds, without the NUL behind it.
inline constexpr std::size_t unix_path_length_max = 107;

struct UnixSocket {
    OwnedFd socket;
    UnixSocketFile file;
    std::string error;  // empty: all is well. "/run/martlet.sock: Permission denied"
};

// Without a mode the umask decides who may connect.
UnixSocket bind_unix_socket(const std::string& path, std::optional<std::uint32_t> mode);

}  // namespace martlet::transport
