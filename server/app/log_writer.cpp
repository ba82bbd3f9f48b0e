#include "server/app/log_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <utility>

namespace martlet::app {

namespace {

constexpr std::chrono::seconds stop_time{2};
constexpr std::chrono::milliseconds stop_check_interval{100};

bool is_important(LogLevel level) {
    return level == LogLevel::error || level == LogLevel::warning;
}

int syslog_priority(LogLevel level) {
    switch (level) {
        case LogLevel::error:
            return LOG_ERR;
        case LogLevel::warning:
            return LOG_WARNING;
        case LogLevel::notice:
        case LogLevel::subscribe:
        case LogLevel::unsubscribe:
            return LOG_NOTICE;
        case LogLevel::information:
            return LOG_INFO;
        case LogLevel::debug:
        case LogLevel::websockets:
        case LogLevel::internal:
            break;
    }
    return LOG_DEBUG;
}

// A pipe that is ready takes PIPE_BUF bytes without blocking, and in one piece: whole lines, where
// they fit, do not get mixed with those of other writers.
std::size_t chunk_size(std::string_view text) {
    if (text.size() <= PIPE_BUF) {
        return text.size();
    }
    const std::size_t line_end = text.rfind('\n', PIPE_BUF - 1);
    return line_end == std::string_view::npos ? PIPE_BUF : line_end + 1;
}

void write_syslog(const LogLine& line, int facility) {
    const char* message = line.text.c_str() + line.message_offset;
    const auto length = static_cast<int>(line.text.size() - line.message_offset - 1);
    syslog(facility | syslog_priority(line.level), "%.*s", length, message);
}

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)} {
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

FileDescriptor::~FileDescriptor() {
    if (is_open()) {
        close(descriptor_);
    }
}

LogWriter::LogWriter(LogTargets targets, Options options)
    : options_{std::move(options)},
      targets_{std::make_shared<const LogTargets>(std::move(targets))},
      thread_{[this] { run(); }} {
}

LogWriter::~LogWriter() {
    {
        const std::lock_guard lock{mutex_};
        is_stopping_ = true;
        stop_by_ = std::chrono::steady_clock::now() + stop_time;
    }
    wake_.notify_one();
    thread_.join();
}

void LogWriter::push(LogLine line) {
    const std::size_t size = line.text.size();
    // An eighth is kept for what matters.
    const std::size_t limit =
        is_important(line.level) ? options_.queue_bytes_max : options_.queue_bytes_max / 8 * 7;
    {
        const std::lock_guard lock{mutex_};
        if (queued_bytes_ + size > limit) {
            ++dropped_;
            return;
        }
        queued_bytes_ += size;
        queue_.push_back(std::move(line));
    }
    wake_.notify_one();
}

void LogWriter::set_targets(LogTargets targets) {
    auto next = std::make_shared<const LogTargets>(std::move(targets));
    const std::lock_guard lock{mutex_};
    targets_.swap(next);
}

bool LogWriter::flush(std::chrono::milliseconds timeout) {
    std::unique_lock lock{mutex_};
    return idle_.wait_for(lock, timeout, [this] { return queue_.empty() && !is_writing_; });
}

std::uint64_t LogWriter::dropped_lines() const {
    const std::lock_guard lock{mutex_};
    return dropped_;
}

void LogWriter::run() {
    // Signals are for the thread that waits for them; a closed pipe is an error here, not an end.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);

    Lines lines;
    std::unique_lock lock{mutex_};
    while (true) {
        wake_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
        if (queue_.empty()) {
            return;
        }
        lines.swap(queue_);
        queued_bytes_ = 0;
        const std::shared_ptr<const LogTargets> targets = targets_;
        is_writing_ = true;
        lock.unlock();
        const bool is_written = write(lines, *targets);
        lock.lock();
        dropped_ += is_written ? 0 : lines.size();
        const std::uint64_t unreported = dropped_ - reported_;
        lock.unlock();
        lines.clear();
        const bool is_reported = unreported != 0 && report_drops(unreported, *targets);
        lock.lock();
        reported_ += is_reported ? unreported : 0;
        is_writing_ = false;
        idle_.notify_all();
    }
}

bool LogWriter::write(const Lines& lines, const LogTargets& targets) {
    if (targets.to_syslog) {
        for (const LogLine& line : lines) {
            write_syslog(line, targets.syslog_facility);
        }
    }
    std::string text;
    for (const LogLine& line : lines) {
        text += line.text;
    }
    bool is_written = true;
    if (targets.file.is_open()) {
        is_written = write_stream(targets.file.get(), text);
    }
    for (const int stream : targets.streams) {
        is_written = write_stream(stream, text) && is_written;
    }
    return is_written;
}

bool LogWriter::write_stream(int descriptor, std::string_view text) {
    while (!text.empty()) {
        if (!wait_writable(descriptor)) {
            return false;
        }
        const ssize_t written = ::write(descriptor, text.data(), chunk_size(text));
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR && errno != EAGAIN) {
            return false;
        }
    }
    return true;
}

// Waits as long as it takes, but not beyond the end of the destructor's patience.
bool LogWriter::wait_writable(int descriptor) {
    pollfd wanted{.fd = descriptor, .events = POLLOUT, .revents = 0};
    while (poll(&wanted, 1, static_cast<int>(stop_check_interval.count())) <= 0) {
        const std::lock_guard lock{mutex_};
        if (is_stopping_ && std::chrono::steady_clock::now() >= stop_by_) {
            return false;
        }
    }
    // Trouble with the descriptor shows in write().
    return true;
}

bool LogWriter::report_drops(std::uint64_t count, const LogTargets& targets) {
    return options_.describe_drop && write({options_.describe_drop(count)}, targets);
}

}  // namespace martlet::app
