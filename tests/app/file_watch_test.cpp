#include "server/app/file_watch.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_directory.hpp"

using namespace martlet::app;
using martlet::tests::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

class Watched {
public:
    fs::path path(const std::string& name) const { return directory_.path() / name; }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name)) << text;
    }
    void watch(const std::string& name) { watch_.watch({path(name).string()}); }
    // True once it is told; false after ten seconds, or as many as given.
    bool is_told(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
        is_told_ = false;
        io_.restart();
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!is_told_ && io_.run_one_until(end) != 0) {
        }
        return is_told_;
    }
    FileWatch& watch() { return watch_; }

private:
    TemporaryDirectory directory_;
    boost::asio::io_context io_;
    bool is_told_ = false;
    FileWatch watch_{io_, [this] { is_told_ = true; }};
};

// Longer than it takes to tell.
constexpr std::chrono::milliseconds quiet{1200};

}  // namespace

TEST_CASE("file watch: writing and replacing and removing are told") {
    Watched files;
    files.write("a", "1");
    files.watch("a");
    CHECK(files.watch().why_blind() == "");
    files.write("a", "22");
    CHECK(files.is_told());
    files.write("new", "333");
    fs::rename(files.path("new"), files.path("a"));
    CHECK(files.is_told());
    fs::remove(files.path("a"));
    CHECK(files.is_told());
    files.write("a", "4444");
    CHECK(files.is_told());
}

TEST_CASE("file watch: neighbours are not told of") {
    Watched files;
    files.write("a", "1");
    files.watch("a");
    files.write("b", "2");
    fs::rename(files.path("b"), files.path("c"));
    CHECK(!files.is_told(quiet));
}

TEST_CASE("file watch: a link that leads elsewhere is told wherever it is on the way") {
    Watched files;
    for (const std::string name : {"one", "two", "outer"}) {
        fs::create_directory(files.path(name));
    }
    files.write("one/a", "1");
    files.write("two/a", "22");
    fs::create_directory_symlink("../one", files.path("outer/current"));
    fs::create_symlink("outer/current/a", files.path("a"));
    files.watch("a");
    fs::create_directory_symlink("../two", files.path("outer/next"));
    fs::rename(files.path("outer/next"), files.path("outer/current"));
    CHECK(files.is_told());
    files.write("two/a", "333");
    CHECK(files.is_told());
    files.write("one/a", "4444");
    CHECK(!files.is_told(quiet));
}

TEST_CASE("file watch: nothing is watched any more once there is nothing to watch") {
    Watched files;
    files.write("a", "1");
    files.watch("a");
    files.watch().watch({});
    files.write("a", "2");
    CHECK(!files.is_told(quiet));
}

TEST_CASE("file watch: a directory that is not there makes it blind") {
    Watched files;
    files.watch("nowhere/a");
    CHECK(files.watch().why_blind().find("No such file or directory") != std::string::npos);
}
