// While the store takes nothing more (the disk is full): what is refused, what waits, what goes on.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using namespace std::chrono_literals;
using protocol::Version;

namespace {

// A broker of two shards. A reader away from it makes the store keep messages to "kept" on the
// second, where `live` gets what nobody keeps.
struct TwoShards {
    explicit TwoShards(core::ShardIndex shards = 2) : broker(options(shards)) {
        FakeClient& reader =
            broker.connect(broker.client_id_on(1, "reader"), {.version = v5, .clean = false});
        reader.subscribe("kept", qos1);
        reader.drop();
        live = &broker.connect(broker.client_id_on(1, "live"), {.version = v5});
        live->subscribe("live", qos1);
    }

    static WorldOptions options(core::ShardIndex shards = 2) {
        WorldOptions options;
        options.shards = shards;
        options.keeps_records = true;
        return options;
    }
    FakeClient& publisher(std::string_view prefix, core::ShardIndex shard = 0) {
        return broker.connect(broker.client_id_on(shard, prefix), {.version = v5});
    }
    void fill() {
        broker.held.store = true;
        broker.world().refuse_store(true);
        broker.run();
    }

    BrokerFixture broker;
    FakeClient* live = nullptr;
};

}  // namespace

TEST_CASE("full store: what would have to be stored is refused and other messages go on") {
    in_every_broker(TwoShards::options(), [](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version, .clean = false});
        reader.subscribe("kept/#", qos1);
        reader.drop();
        FakeClient& live = broker.connect("live", {.version = version});
        live.subscribe("live", qos1);
        // On the reader's own shard, where it can be seen at once what would have to be stored.
        const core::ShardIndex shard = core::home_of_client(
            "reader", broker.world().options().hash_seed, broker.world().shard_count());
        FakeClient& publisher =
            broker.connect(broker.client_id_on(shard, "publisher"), {.version = version});
        broker.held.store = true;
        broker.world().refuse_store(true);
        publisher.publish("live", "0", qos0);
        publisher.publish("live", "1", qos1);
        CHECK(publisher.take() == "puback #1");
        CHECK(live.messages() == "live q0 '0' | live q1 '1'");
        publisher.publish("kept/1", "x", qos1);
        CHECK(publisher.take() == (version == v5 ? "puback #2 0x97" : "closed"));
        CHECK(broker.world().total(&core::Counters::dropped_store_full) == 1);
    });
}

TEST_CASE("full store: a message that needs none is acknowledged past one that waits elsewhere") {
    TwoShards two;
    FakeClient& waiting = two.publisher("waiting");
    FakeClient& publisher = two.publisher("publisher");
    two.fill();
    waiting.publish("kept", "x", qos1);
    CHECK(waiting.take().empty());
    publisher.publish("live", "1", qos1);
    CHECK(publisher.take() == "puback #1");
    CHECK(two.live->messages() == "live q1 '1'");
    // Its own answers keep their order.
    waiting.publish("live", "2", qos1);
    CHECK(waiting.take().empty());
    two.broker.held.store = false;
    two.broker.world().refuse_store(false);
    two.broker.run();
    CHECK(waiting.take() == "puback #1 | puback #2");
    publisher.publish("kept", "3", qos1);
    CHECK(publisher.take() == "puback #2");
}

TEST_CASE("full store: a subscription is acknowledged past what waits elsewhere") {
    TwoShards two;
    FakeClient& waiting = two.publisher("waiting");
    FakeClient& subscriber = two.publisher("subscriber");
    FakeClient& publisher = two.publisher("publisher", 1);
    publisher.retain("news/old", "0", qos0);
    two.fill();
    waiting.publish("kept", "x", qos1);
    CHECK(waiting.take().empty());
    subscriber.subscribe("news/#", qos1);
    CHECK(subscriber.take() == "suback #1 1 | publish news/old q0 retain '0'");
    publisher.publish("news/new", "1", qos0);
    CHECK(subscriber.messages() == "news/new q0 '1'");
    // A client's own answers keep their order; messages need not wait for the SUBACK.
    waiting.subscribe("news/#", qos1);
    CHECK(waiting.take() == "publish news/old q0 retain '0'");
}

TEST_CASE("full store: what concerns no other shard waits for none") {
    TwoShards two;
    FakeClient& waiting = two.publisher("waiting");
    FakeClient& publisher = two.publisher("publisher");
    FakeClient& subscriber = two.publisher("subscriber");
    two.fill();
    waiting.publish("kept", "x", qos1);
    CHECK(waiting.take().empty());
    subscriber.subscribe("here", qos1);
    CHECK(subscriber.take() == "suback #1 1");
    publisher.publish("here", "1", qos1);
    CHECK(publisher.take() == "puback #1");
    publisher.publish("here", "2", qos2);
    CHECK(publisher.take() == "pubrec #2 | pubcomp #2");
    CHECK(subscriber.messages() == "here q1 '1' | here q1 '2'");
    // The other shard knows of the filter.
    FakeClient& second = two.publisher("second");
    second.subscribe("here", qos1);
    CHECK(second.take() == "suback #1 1");
}

TEST_CASE("full store: a message waits for the shards it was sent to and for no other") {
    TwoShards and_a_third(3);
    FakeClient& waiting = and_a_third.publisher("waiting");
    FakeClient& publisher = and_a_third.publisher("publisher");
    FakeClient& subscriber = and_a_third.publisher("subscriber", 2);
    subscriber.subscribe("there", qos1);
    CHECK(subscriber.take() == "suback #1 1");
    and_a_third.fill();
    waiting.publish("kept", "x", qos1);
    CHECK(waiting.take().empty());
    publisher.publish("there", "1", qos1);
    CHECK(publisher.take() == "puback #1");
    CHECK(subscriber.messages() == "there q1 '1'");
}

TEST_CASE("full store: who waited to subscribe when it became full is answered") {
    TwoShards two;
    FakeClient& waiting = two.publisher("waiting");
    FakeClient& subscriber = two.publisher("subscriber");
    two.broker.held.store = true;
    waiting.publish("kept", "x", qos1);
    subscriber.subscribe("news", qos1);
    CHECK(subscriber.take().empty());
    two.fill();
    CHECK(subscriber.take() == "suback #1 1");
    CHECK(waiting.take().empty());
}

TEST_CASE("full store: what waited before it was known to be full is acknowledged too") {
    TwoShards two;
    FakeClient& waiting = two.publisher("waiting");
    FakeClient& publisher = two.publisher("publisher");
    FakeClient& at_home = two.publisher("home", 1);
    two.broker.held.store = true;
    waiting.publish("kept", "x", qos1);
    at_home.publish("kept", "y", qos1);
    publisher.publish("live", "1", qos1);
    at_home.publish("live", "2", qos1);
    CHECK(publisher.take().empty());
    two.fill();
    CHECK(publisher.take() == "puback #1");
    CHECK(waiting.take().empty());
    CHECK(at_home.take().empty());
}

TEST_CASE("full store: who has waited long is disconnected and others are not") {
    TwoShards two;
    FakeClient& elsewhere = two.publisher("elsewhere");
    FakeClient& here = two.publisher("here", 1);
    FakeClient& quick = two.publisher("quick");
    two.broker.held.store = true;
    elsewhere.publish("kept", "x", qos1);
    here.publish("kept", "y", qos1);
    two.fill();
    two.broker.pass_time(core::store_patience / 2);
    quick.publish("live", "1", qos1);
    CHECK_FALSE(elsewhere.is_closed());
    FakeClient& late = two.publisher("late");
    late.publish("kept", "z", qos1);
    two.broker.pass_time(core::store_patience / 2 + 1s);
    CHECK(elsewhere.take() == "disconnect 0x97 | closed");
    CHECK(here.take() == "disconnect 0x97 | closed");
    CHECK_FALSE(quick.is_closed());
    CHECK_FALSE(late.is_closed());
    two.broker.pass_time(core::store_patience);
    CHECK(late.is_closed());
    CHECK_FALSE(quick.is_closed());
}
