// Everything that is kept comes back, on as many shards as there are now.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/store_harness.hpp"
#include "tests/support/store_model.hpp"
#include "tests/support/temporary_directory.hpp"

namespace martlet::testing {
namespace {

TEST_CASE("store: what a random life leaves comes back exactly") {
    MARTLET_SEEDED(random);
    const tests::TemporaryDirectory directory;
    StoreModel model(random, 0, 0, 1);
    HarnessOptions options;
    options.directory = directory.path() / "data";
    for (int run = 0; run < 6; ++run) {
        options.wall_ms += 60'000;
        StoreHarness harness(options);
        harness.start();
        REQUIRE(difference(harness.dump(), join_sorted(model.lines())) == "");
        core::StoreTicket last = 0;
        for (int batch = 0; batch < 150; ++batch) {
            last = harness.submit(0, model.happen(), random.chance(3));
            if (random.chance(10)) {
                REQUIRE(harness.wait_durable(0, last));
            }
        }
        harness.stop();
        CHECK(harness.durable(0) == last);
        CHECK(harness.fatal() == "");
    }
}

TEST_CASE("store: the number of shards changes from run to run") {
    MARTLET_SEEDED(random);
    const tests::TemporaryDirectory directory;
    HarnessOptions options;
    options.directory = directory.path() / "data";
    std::vector<std::string> expected;
    for (const int count : {1, 3, 2, 4, 1}) {
        const auto shards = static_cast<core::ShardIndex>(count);
        options.shard_count = shards;
        options.wall_ms += 60'000;
        StoreHarness harness(options);
        harness.start();
        REQUIRE(harness.recovered().size() == shards);
        REQUIRE(difference(harness.dump(), join_sorted(expected)) == "");
        // Every shard goes on with sessions of its own.
        for (core::ShardIndex shard = 0; shard < shards; ++shard) {
            const core::RecoveredState& state = harness.recovered()[shard];
            StoreModel model(
                random,
                std::max({state.session_id_max, state.message_id_max, state.retained_id_max}),
                shard, shards);
            for (int batch = 0; batch < 30; ++batch) {
                harness.submit(shard, model.happen(), random.chance(3));
            }
            for (std::string& line : model.lines()) {
                expected.push_back(std::move(line));
            }
        }
        harness.stop();
    }
}

}  // namespace
}  // namespace martlet::testing
