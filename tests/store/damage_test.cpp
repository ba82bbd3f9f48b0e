// A damaged file is never taken for a sound one: what starts is exactly right, or nothing starts;
// check finds it, and repair saves the rest.
#include <doctest/doctest.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "server/store/store_tool.hpp"
#include "tests/support/fault_vfs.hpp"
#include "tests/support/store_harness.hpp"
#include "tests/support/store_model.hpp"
#include "tests/support/temporary_directory.hpp"

namespace martlet::testing {
namespace {

namespace fs = std::filesystem;

class Damage {
public:
    explicit Damage(Random& random) : random_(random), model_(random, 0, 0, 1) {
        options_.directory = directory_.path() / "data";
        StoreHarness harness(options_);
        harness.start();
        for (int batch = 0; batch < 250; ++batch) {
            harness.submit(0, model_.happen(), false);
        }
        harness.stop();
        expected_ = join_sorted(model_.lines());
        std::ifstream in(options_.directory + "/martlet.db", std::ios::binary);
        content_.assign(std::istreambuf_iterator<char>(in), {});
    }

    std::size_t size() const { return content_.size(); }

    void flip(std::size_t at) {
        std::string damaged = content_;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << random_.below(8)));
        try_out(damaged);
    }
    void cut(std::size_t at) { try_out(content_.substr(0, at)); }
    void zero_page(std::size_t page) {
        std::string damaged = content_;
        damaged.replace(page * 4096, 4096, 4096, '\0');
        try_out(damaged);
    }
    // Of all that repairs kept; a single flipped bit.
    double kept_share() const { return static_cast<double>(kept_) / static_cast<double>(whole_); }

private:
    void try_out(const std::string& damaged) {
        fs::remove_all(options_.directory);
        fs::create_directories(options_.directory);
        const std::string file = options_.directory + "/martlet.db";
        std::ofstream(file, std::ios::binary) << damaged;
        const std::optional<std::string> found = start();
        CHECK((!found || *found == expected_));
        // From the same file again: a start writes a little.
        for (const char* suffix : {"", "-wal", "-shm"}) {
            fs::remove(file + suffix);
        }
        std::ofstream(file, std::ios::binary) << damaged;
        std::FILE* const sink = std::fopen("/dev/null", "w");
        if (!found) {
            CHECK(store::check_store(options_.directory, sink) == 1);
        }
        CHECK(store::repair_store(options_.directory, sink) == 0);
        CHECK(store::check_store(options_.directory, sink) == 0);
        std::fclose(sink);
        const std::optional<std::string> saved = start();
        REQUIRE(saved);
        compare(*saved);
    }

    std::optional<std::string> start() {
        options_.wall_ms += 60'000;
        try {
            StoreHarness harness(options_);
            harness.start();
            return harness.dump();
        } catch (const std::exception&) {
            return std::nullopt;
        }
    }

    static std::set<std::string> whole_lines(const std::string& text) {
        std::set<std::string> lines;
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (line.rfind("queued", 0) != 0 && line.rfind("inflight", 0) != 0) {
                lines.insert(line);
            }
        }
        return lines;
    }

    // Nothing comes out of a repair that did not go in. (Queues may: with its window lost, a
    // session gets again what it was done with.)
    void compare(const std::string& saved) {
        const std::set<std::string> before = whole_lines(expected_);
        for (const std::string& line : whole_lines(saved)) {
            CHECK_MESSAGE(before.count(line) == 1, line);
            ++kept_;
        }
        whole_ += before.size();
    }

    Random& random_;
    const tests::TemporaryDirectory directory_;
    HarnessOptions options_;
    StoreModel model_;
    std::string expected_;
    std::string content_;
    std::size_t kept_ = 0;
    std::size_t whole_ = 0;
};

TEST_CASE("store: a flipped bit anywhere is noticed or harmless and costs little") {
    MARTLET_SEEDED(random);
    Damage damage(random);
    for (std::size_t at = 0; at < damage.size(); at += 1 + random.below(damage.size() / 30)) {
        CAPTURE(at);
        damage.flip(at);
    }
    CHECK(damage.kept_share() > 0.8);
}

TEST_CASE("store: a flipped bit in the first page costs nothing") {
    MARTLET_SEEDED(random);
    Damage damage(random);
    for (std::size_t at = 0; at < 4096; at += 1 + random.below(200)) {
        CAPTURE(at);
        damage.flip(at);
    }
    CHECK(damage.kept_share() == 1);
}

TEST_CASE("store: a page of zeros or a file cut short is noticed") {
    MARTLET_SEEDED(random);
    Damage damage(random);
    for (std::size_t page = 0; page < damage.size() / 4096; page += 1 + random.below(4)) {
        CAPTURE(page);
        damage.zero_page(page);
    }
    for (std::size_t at = 1; at < damage.size(); at += 1 + random.below(damage.size() / 20)) {
        CAPTURE(at);
        damage.cut(at);
    }
}

}  // namespace
}  // namespace martlet::testing
