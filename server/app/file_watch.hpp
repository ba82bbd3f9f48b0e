// Tells when files have changed: written, replaced by rename, or behind a symbolic link that was
// replaced, as certbot and Kubernetes do it.
//
// The kernel (inotify) watches directories: that of each file, and that of every symbolic link on
// the way to it. What happens there is only a reason to look: a moment after the last event the
// files themselves are compared with what they were, so that logs and databases in the same
// directory set nothing off, and a certificate and its key that are written one after the other are
// one change.
//
// Where the kernel cannot watch (no descriptors or watches left, directories that may not be read)
// nothing is told; why_blind() says so. Ownership: owns its descriptor. Threading: the thread of
// its io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace martlet::app {

class FileWatch {
public:
    FileWatch(boost::asio::io_context& io, std::function<void()> on_change);
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    // From now on these, files or directories. To be called before they are read, so that nothing
    // that changes meanwhile is missed. None: nothing is watched.
    void watch(std::vector<std::string> paths);
    // Empty: it sees.
    const std::string& why_blind() const { return why_blind_; }

private:
    void look_at_directories();
    void wait();
    void settle();
    void compare();

    boost::asio::io_context& io_;
    const std::function<void()> on_change_;
    std::vector<std::string> paths_;
    std::vector<std::string> states_;  // of paths_, when last compared
    std::optional<boost::asio::posix::stream_descriptor> events_;
    unsigned generation_ = 0;  // of events_
    boost::asio::steady_timer settling_;
    std::chrono::steady_clock::time_point first_event_;
    bool is_settling_ = false;
    std::string why_blind_;
};

}  // namespace martlet::app
