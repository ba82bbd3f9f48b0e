// The whole broker against random clients on a bad network: see tests/support/simulation.hpp.
//
// MARTLET_SEED replays one seed; MARTLET_SIM_RUNS is the number of seeds for each shard count.
// Threading: one thread.
#include "tests/support/simulation.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/support/random.hpp"

using namespace martlet;
using namespace martlet::tests;

namespace {

constexpr std::uint64_t runs_by_default = 3;

std::uint64_t runs() {
    const char* const given = std::getenv("MARTLET_SIM_RUNS");
    if (given != nullptr) {
        return std::strtoull(given, nullptr, 0);
    }
    return std::getenv("MARTLET_SEED") != nullptr ? 1 : runs_by_default;
}

void simulate(bool crashes) {
    const std::uint64_t first = testing::seed_for_this_run();
    std::size_t promised = 0;
    std::size_t reconnects = 0;
    std::size_t acknowledged = 0;
    std::size_t received = 0;
    std::size_t not_permitted = 0;
    for (std::uint64_t seed = first; seed != first + runs(); ++seed) {
        for (const core::ShardIndex shards :
             {core::ShardIndex{1}, core::ShardIndex{2}, core::ShardIndex{4}}) {
            INFO(testing::replay_hint(seed), ", shards: ", shards);
            Simulation simulation(seed, shards, crashes);
            CHECK_NOTHROW(simulation.run());
            promised += simulation.report().promised;
            reconnects += simulation.report().reconnects;
            acknowledged += simulation.report().acknowledged;
            received += simulation.report().received;
            not_permitted += simulation.report().not_permitted;
        }
    }
    // It would be no use if all that were about nothing.
    MESSAGE("acknowledged " << acknowledged << ", received " << received << ", promised "
                            << promised << ", reconnects " << reconnects << ", not permitted "
                            << not_permitted);
    CHECK(promised != 0);
    CHECK(reconnects != 0);
    CHECK(not_permitted != 0);
}

}  // namespace

TEST_CASE(
    "simulation: nothing acknowledged is lost and QoS 2 comes once and in order whatever breaks "
    "[v3.1.1 MQTT-4.3.3-2] [v5 MQTT-4.3.3-10]") {
    simulate(false);
}

TEST_CASE("simulation: the same holds through crashes that forget what was not durable") {
    simulate(true);
}
