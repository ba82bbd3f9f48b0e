#include "server/app/logging.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_directory.hpp"

using namespace martlet::app;
using namespace std::chrono_literals;
using martlet::tests::TemporaryDirectory;

namespace {

constexpr auto long_enough = 10s;

std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

LogConfig to_file(const std::string& path) {
    LogConfig config;
    config.to_stderr = false;
    config.file = path;
    config.timestamp = false;
    return config;
}

// A pipe whose reader takes nothing until told.
class Pipe {
public:
    Pipe() {
        REQUIRE(pipe2(ends_.data(), O_CLOEXEC) == 0);
        REQUIRE(fcntl(ends_[1], F_SETPIPE_SZ, 4096) == 4096);
    }
    ~Pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    [[nodiscard]] int writer() const { return ends_[1]; }

    // Waits for more and adds it to what was read so far.
    const std::string& read_more() {
        std::array<char, 65'536> chunk{};
        const ssize_t length = ::read(ends_[0], chunk.data(), chunk.size());
        REQUIRE(length > 0);
        text_.append(chunk.data(), static_cast<std::size_t>(length));
        return text_;
    }

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::array<int, 2> ends_{-1, -1};
    std::string text_;
};

struct Arrived {
    std::uint64_t lines = 0;
    std::uint64_t missing = 0;  // as the lines between them say
};

Arrived count(const std::string& text) {
    Arrived arrived;
    std::istringstream lines{text};
    std::string line;
    while (std::getline(lines, line)) {
        if (line.ends_with(" missing")) {
            arrived.missing += std::stoull(line);
        } else {
            ++arrived.lines;
        }
    }
    return arrived;
}

LogLine text_line(std::string text, LogLevel level) {
    return {.level = level, .text = std::move(text) + "\n"};
}

LogWriter::Options options(std::size_t queue_bytes_max) {
    return {.queue_bytes_max = queue_bytes_max, .describe_drop = [](std::uint64_t count) {
                return text_line(std::to_string(count) + " missing", LogLevel::warning);
            }};
}

}  // namespace

TEST_CASE("logging: lines go to the file in order and only those that are wanted") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "log").string();
    Logger logger{to_file(path)};
    logger.log(LogLevel::notice, "client {} is {}", "a", 1);
    logger.log(LogLevel::debug, "not wanted");
    logger.log(LogLevel::error, "bad");
    CHECK(logger.wants(LogLevel::information));
    CHECK_FALSE(logger.wants(LogLevel::debug));
    REQUIRE(logger.flush(long_enough));
    CHECK(read(path) == "client a is 1\nError: bad\n");
}

TEST_CASE("logging: what waits is written when the logger goes") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "log").string();
    {
        Logger logger{to_file(path)};
        for (int i = 0; i < 1000; ++i) {
            logger.log(LogLevel::notice, "{}", i);
        }
    }
    const std::string text = read(path);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1000);
    CHECK(text.ends_with("998\n999\n"));
}

TEST_CASE("logging: a file is appended to and closed to others") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "log").string();
    for (int run = 0; run < 2; ++run) {
        Logger logger{to_file(path)};
        logger.log(LogLevel::notice, "run {}", run);
    }
    CHECK(read(path) == "run 0\nrun 1\n");
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    CHECK((std::filesystem::status(path).permissions() & others) == std::filesystem::perms::none);
}

TEST_CASE("logging: a log file that cannot be opened is an error at the start") {
    CHECK_THROWS_WITH_AS(
        (Logger{to_file("/does/not/exist/log")}),
        "cannot open the log file \"/does/not/exist/log\" (No such file or directory)",
        std::runtime_error);
}

TEST_CASE("logging: the file is reopened after it was moved away") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "log").string();
    Logger logger{to_file(path)};
    logger.log(LogLevel::notice, "one");
    REQUIRE(logger.flush(long_enough));
    std::filesystem::rename(path, path + ".1");
    logger.log(LogLevel::notice, "two");
    REQUIRE(logger.flush(long_enough));
    CHECK_FALSE(logger.reopen().has_value());
    logger.log(LogLevel::notice, "three");
    REQUIRE(logger.flush(long_enough));
    CHECK(read(path + ".1") == "one\ntwo\n");
    CHECK(read(path) == "three\n");
}

TEST_CASE("logging: a configuration that does not work leaves the old one") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "log").string();
    Logger logger{to_file(path)};
    CHECK(logger.reconfigure(to_file(directory.path().string()))
              .value_or("")
              .find("(Is a directory)") != std::string::npos);
    logger.log(LogLevel::notice, "still here");
    REQUIRE(logger.flush(long_enough));
    CHECK(read(path) == "still here\n");
    LogConfig next = to_file(path + ".2");
    next.levels = LogLevelSet::all();
    next.json = true;
    CHECK_FALSE(logger.reconfigure(next).has_value());
    logger.log(LogLevel::debug, "d");
    REQUIRE(logger.flush(long_enough));
    CHECK(read(path + ".2") == "{\"level\":\"debug\",\"message\":\"d\"}\n");
}

TEST_CASE("logging: lines of several threads stay whole while the file is reopened") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "log").string();
    constexpr int threads = 4;
    constexpr int lines = 500;
    {
        Logger logger{to_file(path)};
        std::vector<std::thread> writers;
        writers.reserve(threads);
        for (int id = 0; id < threads; ++id) {
            writers.emplace_back([&logger, id] {
                for (int i = 0; i < lines; ++i) {
                    logger.log(LogLevel::notice, "<{} {}>", id, i);
                }
            });
        }
        for (int i = 0; i < 20; ++i) {
            CHECK_FALSE(logger.reopen().has_value());
        }
        for (std::thread& writer : writers) {
            writer.join();
        }
        CHECK(logger.dropped_lines() == 0);
    }
    std::istringstream text{read(path)};
    std::array<int, threads> next{};
    std::string line;
    while (std::getline(text, line)) {
        int id = -1;
        int i = -1;
        REQUIRE(std::sscanf(line.c_str(), "<%d %d>", &id, &i) == 2);
        CHECK(i == next.at(static_cast<std::size_t>(id))++);
    }
    CHECK(next == std::array<int, threads>{lines, lines, lines, lines});
}

TEST_CASE("logging: a reader that stops reading costs lines and not time") {
    Pipe pipe;
    LogWriter writer{{.streams = {pipe.writer()}}, options(8192)};
    const auto start = std::chrono::steady_clock::now();
    const std::string padding(1000, '.');
    constexpr std::uint64_t pushed = 1000;
    for (std::uint64_t i = 0; i < pushed; ++i) {
        writer.push(text_line(std::to_string(i) + padding, LogLevel::notice));
    }
    CHECK(std::chrono::steady_clock::now() - start < 5s);
    CHECK(writer.dropped_lines() > 0);
    CHECK_FALSE(writer.flush(1ms));
    // An error still finds room.
    const std::uint64_t dropped = writer.dropped_lines();
    writer.push(text_line("important", LogLevel::error));
    CHECK(writer.dropped_lines() == dropped);

    Arrived arrived;
    while (arrived.missing < dropped || arrived.lines < pushed - dropped + 1) {
        arrived = count(pipe.read_more());
    }
    CHECK(arrived.missing == dropped);
    CHECK(arrived.lines == pushed - dropped + 1);
    CHECK(pipe.text().find("important\n") != std::string::npos);
    CHECK(writer.flush(long_enough));
}

TEST_CASE("logging: the end does not wait for a reader for ever") {
    Pipe pipe;
    const auto start = std::chrono::steady_clock::now();
    {
        LogWriter writer{{.streams = {pipe.writer()}}, options(1U << 20U)};
        for (int i = 0; i < 200; ++i) {
            writer.push(text_line(std::string(1000, '.'), LogLevel::notice));
        }
    }
    CHECK(std::chrono::steady_clock::now() - start < 8s);
}

TEST_CASE("logging: lines that could not be written are counted and told of later") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "log").string();
    LogTargets full;
    full.file = FileDescriptor{open("/dev/full", O_WRONLY | O_CLOEXEC)};
    REQUIRE(full.file.is_open());
    LogWriter writer{std::move(full), options(1U << 20U)};
    writer.push(text_line("lost", LogLevel::notice));
    REQUIRE(writer.flush(long_enough));
    CHECK(writer.dropped_lines() == 1);
    LogTargets file;
    file.file = FileDescriptor{open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    writer.set_targets(std::move(file));
    writer.push(text_line("found", LogLevel::notice));
    REQUIRE(writer.flush(long_enough));
    CHECK(read(path) == "found\n1 missing\n");
}

TEST_CASE("logging: a closed pipe is survived") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    close(ends[0]);
    LogWriter writer{{.streams = {ends[1]}}, options(1U << 20U)};
    writer.push(text_line("nobody reads this", LogLevel::notice));
    CHECK(writer.flush(long_enough));
    CHECK(writer.dropped_lines() == 1);
    close(ends[1]);
}
