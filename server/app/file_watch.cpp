#include "server/app/file_watch.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace martlet::app {

namespace {

// Quiet for so long, or this long after the first event whatever goes on.
constexpr std::chrono::milliseconds quiet_time{500};
constexpr std::chrono::milliseconds patience{2000};

constexpr std::uint32_t interesting = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_TO |
                                      IN_MOVED_FROM | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

// What changes when a file is written or replaced; the file behind symbolic links.
std::string state_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return std::generic_category().message(errno);
    }
    return fmt::format("{}:{}:{}:{}.{}:{}.{}", status.st_dev, status.st_ino, status.st_size,
                       status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                       status.st_ctim.tv_nsec);
}

std::vector<std::string> states_of(const std::vector<std::string>& paths) {
    std::vector<std::string> states;
    states.reserve(paths.size());
    for (const std::string& path : paths) {
        states.push_back(state_of(path));
    }
    return states;
}

// The directories in which a change can make `path` another file.
void collect_directories(const std::string& path, std::set<std::string>& directories) {
    constexpr int links_max = 40;  // as in the kernel
    std::error_code error;
    std::filesystem::path rest = std::filesystem::absolute(path, error);
    for (int links = 0; links < links_max; ++links) {
        std::filesystem::path so_far;
        bool is_followed = false;
        for (auto part = rest.begin(); part != rest.end() && !is_followed; ++part) {
            const std::filesystem::path here = so_far / *part;
            if (std::filesystem::is_symlink(here, error)) {
                directories.insert(so_far.string());
                std::filesystem::path target = so_far / std::filesystem::read_symlink(here, error);
                for (auto later = std::next(part); later != rest.end(); ++later) {
                    target /= *later;
                }
                rest = target;
                is_followed = true;
            }
            so_far = here;
        }
        if (!is_followed) {
            break;
        }
    }
    directories.insert(std::filesystem::is_directory(rest, error) ? rest.string()
                                                                  : rest.parent_path().string());
}

}  // namespace

FileWatch::FileWatch(boost::asio::io_context& io, std::function<void()> on_change)
    : io_(io), on_change_(std::move(on_change)), settling_(io) {
}

void FileWatch::watch(std::vector<std::string> paths) {
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    paths_ = std::move(paths);
    look_at_directories();
    states_ = states_of(paths_);
}

// Anew each time: a link may lead elsewhere now.
void FileWatch::look_at_directories() {
    events_.reset();
    ++generation_;
    why_blind_.clear();
    if (paths_.empty()) {
        return;
    }
    const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0) {
        why_blind_ = std::generic_category().message(errno);
        return;
    }
    events_.emplace(io_, descriptor);
    std::set<std::string> directories;
    for (const std::string& path : paths_) {
        collect_directories(path, directories);
    }
    for (const std::string& directory : directories) {
        if (::inotify_add_watch(descriptor, directory.c_str(), interesting) < 0) {
            why_blind_ = fmt::format("{}: {}", directory, std::generic_category().message(errno));
        }
    }
    wait();
}

void FileWatch::wait() {
    events_->async_wait(
        boost::asio::posix::stream_descriptor::wait_read,
        [this, generation = generation_](const boost::system::error_code& error) {
            if (error || generation != generation_) {
                return;  // replaced by another
            }
            // Which of them it was does not matter.
            std::array<char, 4096> events{};
            while (::read(events_->native_handle(), events.data(), events.size()) > 0) {
            }
            settle();
            wait();
        });
}

void FileWatch::settle() {
    const auto now = std::chrono::steady_clock::now();
    if (!is_settling_) {
        is_settling_ = true;
        first_event_ = now;
    }
    settling_.expires_at(std::min(now + quiet_time, first_event_ + patience));
    settling_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            is_settling_ = false;
            compare();
        }
    });
}

void FileWatch::compare() {
    // In this order, so that what changes meanwhile is seen one way or the other.
    look_at_directories();
    std::vector<std::string> states = states_of(paths_);
    if (states != states_) {
        states_ = std::move(states);
        on_change_();
    }
}

}  // namespace martlet::app
