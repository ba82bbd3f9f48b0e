#include "server/security/user_lines.hpp"

#include <fcntl.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkstemp is POSIX
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "server/security/file_fault.hpp"

namespace martlet::security {

namespace {

constexpr mode_t for_owner = 0600;
constexpr mode_t for_owner_and_group = 0660;

// A file beside the one it is to replace; removed unless it did.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& target) : path_(target + ".XXXXXX") {
        descriptor_ = mkstemp(path_.data());  // for its owner alone
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (descriptor_ >= 0) {
            close(descriptor_);
        }
        if (!path_.empty()) {
            unlink(path_.c_str());
        }
    }

    bool is_open() const { return descriptor_ >= 0; }

    // Owner and group as those of the file that is there, if there is one.
    bool take_after(const std::string& target) const {
        struct stat info {};
        if (stat(target.c_str(), &info) != 0) {
            return errno == ENOENT && fchmod(descriptor_, for_owner) == 0;
        }
        const bool is_ours = info.st_uid == geteuid() && info.st_gid == getegid();
        return (is_ours || fchown(descriptor_, info.st_uid, info.st_gid) == 0) &&
               fchmod(descriptor_, (info.st_mode & for_owner_and_group) | for_owner) == 0;
    }

    bool write_all(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t written = write(descriptor_, text.data(), text.size());
            if (written < 0 && errno != EINTR) {
                return false;
            }
            text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
        }
        return fsync(descriptor_) == 0;
    }

    bool become(const std::string& target) {
        if (std::rename(path_.c_str(), target.c_str()) != 0) {
            return false;
        }
        path_.clear();
        return true;
    }

private:
    std::string path_;
    int descriptor_ = -1;
};

bool sync_directory_of(const std::string& path) {
    const std::string directory = std::filesystem::path(path).parent_path().string();
    const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_synced = descriptor >= 0 && fsync(descriptor) == 0;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return is_synced;
}

}  // namespace

UserLines::UserLines(std::string_view text) {
    for_each_line(text, [&](std::size_t, std::string_view line) { lines_.emplace_back(line); });
}

std::optional<std::string_view> UserLines::user_of(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos) {
        return std::nullopt;
    }
    return without_blanks(line.substr(0, colon));
}

std::vector<std::string>::iterator UserLines::find(std::string_view user) {
    return std::find_if(lines_.begin(), lines_.end(),
                        [&](const std::string& line) { return user_of(line) == user; });
}

void UserLines::set(std::string_view user, std::string line) {
    const auto found = find(user);
    if (found == lines_.end()) {
        lines_.push_back(std::move(line));
    } else {
        *found = std::move(line);
    }
}

bool UserLines::remove(std::string_view user) {
    const auto found = find(user);
    if (found == lines_.end()) {
        return false;
    }
    lines_.erase(found);
    return true;
}

std::string UserLines::text() const {
    std::string text;
    for (const std::string& line : lines_) {
        text += line;
        text += '\n';
    }
    return text;
}

std::string replace_file(const std::string& path, std::string_view text) {
    // Behind a link is the file; the link stays.
    std::error_code error;
    const std::string target = std::filesystem::weakly_canonical(path, error).string();
    if (error) {
        return error.message();
    }
    errno = 0;
    TemporaryFile file(target);
    const bool is_done = file.is_open() && file.take_after(target) && file.write_all(text) &&
                         file.become(target) && sync_directory_of(target);
    return is_done ? "" : std::generic_category().message(errno);
}

}  // namespace martlet::security
