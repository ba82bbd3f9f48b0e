// A whole broker for behaviour tests: any number of shards, fake clients, a clock that stands still
// until told otherwise. After each thing a client says, everything runs until nothing moves.
//
//     in_every_broker([](BrokerFixture& broker, Version version) {
//         FakeClient& reader = broker.connect("reader", {.version = version});
//         reader.subscribe("a/+", qos1);
//         ...
//         CHECK(reader.messages() == "a/b q1 'hello'");
//     });
//
// Ownership: owns world and clients. Threading: its test's thread only.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "tests/support/broker_world.hpp"
#include "tests/support/fake_client.hpp"

namespace martlet::tests {

class BrokerFixture {
public:
    BrokerFixture() : BrokerFixture(WorldOptions{}) {}
    explicit BrokerFixture(const WorldOptions& options) : world_(options) {}

    // A client that is known to the test only.
    FakeClient& client(std::string client_id);
    // One that has connected; anything but an accepting CONNACK is an exception. The CONNACK is not
    // among what it has received.
    FakeClient& connect(std::string client_id, const ConnectOptions& options = {});

    // Runs until nothing moves any more.
    void run();
    void run_unless_held();
    // Lets time pass, in steps small enough for every timer, running in between.
    void pass_time(core::Duration duration);

    // What does not happen while it runs, until a test lets it.
    struct Held {
        bool all = false;        // run() is called by the test itself
        bool store = false;      // nothing becomes durable
        bool mailboxes = false;  // batches stay under way
    };
    Held held;

    BrokerWorld& world() { return world_; }
    WireIndex open_wire();
    // A Client Identifier whose home is the shard.
    std::string client_id_on(core::ShardIndex shard, std::string_view prefix) const;

private:
    bool run_once(core::ShardIndex shard);
    bool run_network(core::ShardIndex shard);
    bool run_inputs(core::ShardIndex shard);
    bool waits(core::ShardIndex shard);

    BrokerWorld world_;
    std::deque<FakeClient> clients_;
    core::ShardIndex next_accept_ = 0;
};

// Runs a test in brokers of 1, 2 and 4 shards, with clients of 3.1.1 and of 5.0. The context of
// each run is part of every failure message.
using BrokerTest = std::function<void(BrokerFixture&, protocol::Version)>;
void in_every_broker(const BrokerTest& test);
void in_every_broker(const WorldOptions& options, const BrokerTest& test);
// The same for one version.
void in_every_broker(protocol::Version version, const std::function<void(BrokerFixture&)>& test);
void in_every_broker(protocol::Version version, const WorldOptions& options,
                     const std::function<void(BrokerFixture&)>& test);

}  // namespace martlet::tests
