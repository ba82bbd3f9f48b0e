// Keeps two brokers out of one data directory: an advisory lock (flock) on DIR/martlet.lock, with
// the process id of whoever has it inside. The kernel lets go of it when the process ends, however
// that happens; the file stays.
// Ownership: owns the descriptor. Threading: one thread at a time.
#pragma once

#include <string>
#include <utility>

namespace martlet::store {

class LockFile {
public:
    LockFile() = default;
    LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    LockFile& operator=(LockFile&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~LockFile();

    // What is in the way, or "". `directory` must be there.
    std::string acquire(const std::string& directory);

private:
    int descriptor_ = -1;
};

// Whether somebody else has it now; false too if the file cannot be looked at.
bool is_locked(const std::string& directory);

}  // namespace martlet::store
