// Takes lines from any thread and writes them where they go, on a thread of its own: a disk or a
// pipe that is slow costs log lines, never a shard's time.
//
// Lines wait in a queue bounded in bytes. What does not fit is dropped and counted, and as soon as
// there is room again a line says how many. Errors and warnings may use a reserve that the rest may
// not, so that a flood does not drown the line that explains it.
//
// Ownership: owns the log file; borrows the standard streams. The destructor writes what waits, for
// at most two seconds. A process that forks (-d) does so before it makes one.
// Threading: shared, internally synchronised.
// Invariant: queued_bytes_ == sum of the queued lines' sizes <= queue_bytes_max.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/app/log_line.hpp"

namespace martlet::app {

// Closes its descriptor.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int descriptor) : descriptor_{descriptor} {}
    FileDescriptor(FileDescriptor&& other) noexcept;
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor();

    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
    [[nodiscard]] int get() const { return descriptor_; }

private:
    int descriptor_ = -1;
};

struct LogTargets {
    FileDescriptor file{};
    std::vector<int> streams{};  // standard output, standard error
    bool to_syslog = false;
    int syslog_facility = 0;  // LOG_DAEMON, LOG_LOCAL0...
};

class LogWriter {
public:
    struct Options {
        std::size_t queue_bytes_max = 1U << 20U;
        // Makes the line that says how many lines are missing above it.
        std::function<LogLine(std::uint64_t)> describe_drop;
    };

    LogWriter(LogTargets targets, Options options);
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    void push(LogLine line);

    // Lines that were not taken by then may still go to the old targets.
    void set_targets(LogTargets targets);

    // Waits until everything pushed so far is written; false if that took longer than `timeout`.
    [[nodiscard]] bool flush(std::chrono::milliseconds timeout);

    [[nodiscard]] std::uint64_t dropped_lines() const;

private:
    using Lines = std::vector<LogLine>;

    void run();
    // These say whether everything was written.
    bool write(const Lines& lines, const LogTargets& targets);
    bool write_stream(int descriptor, std::string_view text);
    bool report_drops(std::uint64_t count, const LogTargets& targets);
    bool wait_writable(int descriptor);

    const Options options_;
    mutable std::mutex mutex_;  // guards all below but thread_
    std::condition_variable wake_;
    std::condition_variable idle_;
    std::shared_ptr<const LogTargets> targets_;
    Lines queue_;
    std::size_t queued_bytes_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t reported_ = 0;  // part of dropped_ that a line has told of
    bool is_writing_ = false;
    bool is_stopping_ = false;
    std::chrono::steady_clock::time_point stop_by_{};
    std::thread thread_;  // last: it uses the rest
};

}  // namespace martlet::app
