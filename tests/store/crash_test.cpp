// What was reported durable is there after a crash or an error of the disk, wherever it strikes;
// and what is there is what the shard had said up to some batch: whole, and in order.
#include <doctest/doctest.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/fault_vfs.hpp"
#include "tests/support/store_harness.hpp"
#include "tests/support/store_model.hpp"
#include "tests/support/temporary_directory.hpp"

namespace martlet::testing {
namespace {

// Two runs of a broker, until the disk fails.
class Life {
public:
    Life(const std::string& directory, std::uint64_t seed) : random_(seed) {
        options_.directory = directory;
        states_.push_back(join_sorted(model_.lines()));
    }

    void live() {
        run(12);
        if (!has_failed_) {
            run(8);
        }
    }

    // The disk is well again: what does the next start find?
    std::string find_fault() {
        options_.wall_ms += 60'000;
        try {
            StoreHarness harness(options_);
            harness.start();
            const std::optional<std::string> found = harness.dump();
            if (!found) {
                return "cannot load: " + harness.fatal();
            }
            for (std::size_t state = durable_; state < states_.size(); ++state) {
                if (*found == states_[state]) {
                    return "";
                }
            }
            const std::size_t oldest =
                std::find(states_.begin(), states_.end(), *found) - states_.begin();
            return oldest < states_.size()
                       ? "batch " + std::to_string(durable_) + " was durable but is lost"
                       : "not what any batch left: " + difference(found, states_[durable_]);
        } catch (const std::exception& error) {
            return error.what();
        }
    }

    bool has_failed() const { return has_failed_; }
    bool is_complete() const { return durable_ + 1 == states_.size(); }

private:
    void run(int batches) {
        options_.wall_ms += 60'000;
        std::unique_ptr<StoreHarness> harness;
        try {
            harness = std::make_unique<StoreHarness>(options_);
        } catch (const std::exception&) {
            has_failed_ = true;
            return;
        }
        harness->start();
        const std::size_t before = states_.size() - 1;
        for (int batch = 0; batch < batches && harness->fatal().empty(); ++batch) {
            const core::StoreTicket ticket =
                harness->submit(0, model_.happen(), !random_.chance(3));
            states_.push_back(join_sorted(model_.lines()));
            if (random_.chance(2)) {
                harness->wait_durable(0, ticket);
            }
        }
        harness->stop();
        has_failed_ = !harness->fatal().empty();
        durable_ = std::max(durable_, before + harness->durable(0));
    }

    Random random_;
    StoreModel model_{random_, 0, 0, 1};
    HarnessOptions options_;
    std::vector<std::string> states_;  // after each batch
    std::size_t durable_ = 0;
    bool has_failed_ = false;
};

TEST_CASE("store: the power fails at any call to the disk and nothing durable is lost") {
    MARTLET_SEEDED(random);
    FaultVfs& faults = FaultVfs::instance();
    bool has_struck = true;
    for (std::uint64_t at = 1; has_struck; at += 1 + random.below(5)) {
        CAPTURE(at);
        const tests::TemporaryDirectory directory;
        const std::uint64_t leak_one_in = at % 3 == 0 ? 0 : at % 3 * 2;
        faults.hold_writes(true, leak_one_in, random.next());
        faults.arm({.at = at, .count = 1, .kind = {}, .error = SQLITE_IOERR, .is_final = true});
        Life life(directory.path() / "data", random.next());
        life.live();
        has_struck = faults.has_struck();
        faults.crash();
        REQUIRE(life.find_fault() == "");
    }
    faults.crash();
    faults.hold_writes(false, 0, 0);
}

TEST_CASE("store: the power fails between calls and nothing durable is lost") {
    MARTLET_SEEDED(random);
    FaultVfs& faults = FaultVfs::instance();
    for (int round = 0; round < 30; ++round) {
        const tests::TemporaryDirectory directory;
        faults.hold_writes(true, random.below(4), random.next());
        Life life(directory.path() / "data", random.next());
        life.live();
        CHECK(life.is_complete());
        faults.crash();
        REQUIRE(life.find_fault() == "");
    }
    faults.crash();
    faults.hold_writes(false, 0, 0);
}

void fail_each(DiskCall kind, int error, Random& random) {
    FaultVfs& faults = FaultVfs::instance();
    bool has_struck = true;
    for (std::uint64_t at = 1; has_struck;
         at += 1 + random.below(kind == DiskCall::write ? 16 : 3)) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(at);
        const tests::TemporaryDirectory directory;
        faults.hold_writes(true, 0, 0);
        faults.arm({.at = at, .count = 1, .kind = kind, .error = error, .is_final = false});
        Life life(directory.path() / "data", random.next());
        life.live();
        has_struck = faults.has_struck();
        CHECK((life.has_failed() || life.is_complete()));
        faults.crash();
        REQUIRE(life.find_fault() == "");
    }
    faults.crash();
    faults.hold_writes(false, 0, 0);
}

TEST_CASE("store: each call to the disk fails once") {
    MARTLET_SEEDED(random);
    fail_each(DiskCall::sync, SQLITE_IOERR_FSYNC, random);
    fail_each(DiskCall::write, SQLITE_IOERR_WRITE, random);
    fail_each(DiskCall::write, SQLITE_FULL, random);
    fail_each(DiskCall::read, SQLITE_IOERR_READ, random);
    fail_each(DiskCall::truncate, SQLITE_IOERR_TRUNCATE, random);
    fail_each(DiskCall::open, SQLITE_CANTOPEN, random);
    fail_each(DiskCall::remove, SQLITE_IOERR_DELETE, random);
    fail_each(DiskCall::lock, SQLITE_IOERR_LOCK, random);
}

TEST_CASE("store: while the disk is full it refuses and when there is room it goes on by itself") {
    MARTLET_SEEDED(random);
    FaultVfs& faults = FaultVfs::instance();
    const tests::TemporaryDirectory directory;
    StoreModel model(random, 0, 0, 1);
    HarnessOptions options;
    options.directory = directory.path() / "data";
    {
        StoreHarness harness(options);
        harness.start();
        const core::StoreTicket before = harness.submit(0, model.happen(), true);
        REQUIRE(harness.wait_durable(0, before));
        faults.arm({.at = 1,
                    .count = 1'000'000,
                    .kind = DiskCall::write,
                    .error = SQLITE_FULL,
                    .is_final = false});
        core::StoreTicket last = 0;
        for (int batch = 0; batch < 20; ++batch) {
            last = harness.submit(0, model.happen(), true);
        }
        REQUIRE(harness.wait_refuses(true));
        CHECK(harness.durable(0) < last);
        faults.disarm();
        REQUIRE(harness.wait_refuses(false));
        REQUIRE(harness.wait_durable(0, last));
        CHECK(harness.fatal() == "");
        harness.stop();
    }
    options.wall_ms += 60'000;
    StoreHarness harness(options);
    harness.start();
    CHECK(difference(harness.dump(), join_sorted(model.lines())) == "");
}

}  // namespace
}  // namespace martlet::testing
