#include "server/core/interest.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/broker_fixture.hpp"

namespace martlet::core {
namespace {

constexpr std::uint64_t hash_seed = 4711;

Interest::Shards shards_for(const Interest& interest, std::string_view topic) {
    return interest.shards_for(topic, TextHash(hash_seed)(topic));
}

// All shards have told that they want nothing.
Interest informed(std::size_t shards) {
    Interest interest(hash_seed, shards);
    for (std::size_t shard = 0; shard < shards; ++shard) {
        interest.learn_all(static_cast<ShardIndex>(shard), Interest(hash_seed, 2).used());
    }
    return interest;
}

TEST_CASE("interest: until a shard has told its filters it is told everything") {
    Interest interest(hash_seed, 3);
    CHECK(shards_for(interest, "a") == 0b111);
    interest.learn_all(1, Interest(hash_seed, 2).used());
    CHECK((shards_for(interest, "a") & Interest::bit(1)) == 0);
    CHECK((shards_for(interest, "a") & Interest::bit(2)) != 0);
}

TEST_CASE("interest: a shard is told what one of its filters matches") {
    for (const auto& [filter, topic] :
         std::vector<std::pair<const char*, const char*>>{{"a/b", "a/b"},
                                                          {"#", "a/b"},
                                                          {"#", "a"},
                                                          {"+", "a"},
                                                          {"+/b", "a/b"},
                                                          {"a/#", "a"},
                                                          {"a/#", "a/b/c/d/e/f/g"},
                                                          {"a/+/c", "a/b/c"},
                                                          {"a/b/c/d/e/f/#", "a/b/c/d/e/f"},
                                                          {"a/b/c/d/e/+", "a/b/c/d/e/f"},
                                                          {"/#", "/"},
                                                          {"/+", "/a"},
                                                          {"a//+", "a//b"}}) {
        CAPTURE(filter);
        CAPTURE(topic);
        Interest interest = informed(3);
        const Interest::Bucket bucket = interest.bucket_of(filter);
        interest.learn(2, bucket, true);
        CHECK(shards_for(interest, topic) == Interest::bit(2));
        interest.learn(2, bucket, false);
        CHECK(shards_for(interest, topic) == 0);
    }
}

TEST_CASE("interest: a shard is not told what none of its filters can match") {
    Interest interest = informed(2);
    interest.learn(1, interest.bucket_of("a/b"), true);
    interest.learn(1, interest.bucket_of("c/+/d"), true);
    for (const char* topic : {"a", "a/c", "b", "a/b/c", "d"}) {
        CAPTURE(topic);
        CHECK(shards_for(interest, topic) == 0);
    }
}

TEST_CASE("interest: a bucket is used from its first filter to its last") {
    Interest interest = informed(2);
    const Interest::Bucket bucket = interest.bucket_of("a");
    CHECK(interest.add(bucket));
    CHECK_FALSE(interest.add(bucket));
    CHECK_FALSE(interest.remove(bucket));
    CHECK(interest.remove(bucket));
    CHECK(interest.add(bucket));
}

}  // namespace
}  // namespace martlet::core

namespace martlet::tests {

namespace {

using core::ShardIndex;

WorldOptions with_shards(ShardIndex shards) {
    WorldOptions options;
    options.shards = shards;
    return options;
}

// Everything that is on its way from one shard to another, and what they send in turn.
void exchange(BrokerFixture& broker, ShardIndex one, ShardIndex other) {
    for (bool moves = true; moves;) {
        moves = broker.world().deliver_batch(one, other);
        moves = broker.world().deliver_batch(other, one) || moves;
        broker.run();
    }
}

// A topic that is retained on that shard.
std::string topic_on(ShardIndex shard, const WorldOptions& options) {
    std::string topic = "t";
    while (core::home_of_topic(topic, options.hash_seed, options.shards) != shard) {
        topic += "t";
    }
    return topic;
}

}  // namespace

TEST_CASE("interest: publications go to shards that have a filter for them and to no others") {
    BrokerFixture broker(with_shards(4));
    FakeClient& publisher = broker.connect(broker.client_id_on(0, "publisher"));
    FakeClient& reader = broker.connect(broker.client_id_on(1, "reader"));
    reader.subscribe("a/+", qos1);
    reader.forget();
    const auto sent = [&] { return broker.world().publications_sent(); };
    const std::size_t before = sent();
    publisher.publish("a/b", "1", qos1);
    publisher.publish("nobody/wants/this", "2", qos1);
    CHECK(reader.messages() == "a/b q1 '1'");
    CHECK(sent() == before + 1);
    reader.unsubscribe({"a/+"});
    publisher.publish("a/b", "3", qos1);
    CHECK(sent() == before + 1);
    CHECK(publisher.take().ends_with("puback #1 | puback #2 | puback #3"));
}

TEST_CASE("interest: a shard that was restored with subscriptions is sent what they match") {
    WorldOptions options = with_shards(3);
    options.keeps_records = true;
    BrokerFixture broker(options);
    std::vector<FakeClient*> readers;
    for (ShardIndex shard = 0; shard < 3; ++shard) {
        const std::string id = broker.client_id_on(shard, "reader");
        readers.push_back(&broker.connect(id, {.clean = false}));
        readers.back()->subscribe("a/#", qos1);
        readers.back()->subscribe("$share/" + id + "/b", qos1);
        readers.back()->drop();
        readers.back()->forget();
    }
    broker.world().crash(3);
    broker.run();
    FakeClient& publisher = broker.connect(broker.client_id_on(0, "publisher"));
    const std::size_t before = broker.world().publications_sent();
    publisher.publish("a/b", "1", qos1);
    publisher.publish("b", "2", qos1);
    publisher.publish("c", "3", qos1);
    CHECK(broker.world().publications_sent() > before);
    for (FakeClient* reader : readers) {
        reader->connect({.clean = false});
        CHECK(reader->messages() == "a/b q1 '1' | b q1 '2'");
    }
}

TEST_CASE("interest: SUBACK waits until every other shard knows; so does that of the next client") {
    BrokerFixture broker(with_shards(3));
    FakeClient& first = broker.connect(broker.client_id_on(0, "first"));
    FakeClient& second = broker.connect(broker.client_id_on(0, "second"));
    first.forget();
    second.forget();
    broker.held.mailboxes = true;
    first.subscribe("a", qos0);
    second.subscribe("a", qos0);
    exchange(broker, 0, 1);
    CHECK(first.take() == "");
    CHECK(second.take() == "");
    exchange(broker, 0, 2);
    CHECK(first.take() == "suback #1 0");
    CHECK(second.take() == "suback #1 0");
}

// Else a publication in between would come neither with what is retained nor after it.
TEST_CASE("interest: what is retained is looked at when every shard knows of the filter") {
    for (const bool exact : {true, false}) {
        const WorldOptions options = with_shards(3);
        BrokerFixture broker(options);
        const std::string topic = topic_on(2, options);
        FakeClient& reader = broker.connect(broker.client_id_on(0, "reader"));
        FakeClient& publisher = broker.connect(broker.client_id_on(1, "publisher"));
        publisher.publish(topic, "old", PublishOptions{qos0, true});
        reader.forget();
        broker.held.mailboxes = true;
        reader.subscribe(exact ? topic : "+", qos0);
        exchange(broker, 0, 2);
        publisher.publish(topic, "new", PublishOptions{qos0, true});
        CHECK(reader.messages() == "");
        broker.held.mailboxes = false;
        broker.run();
        CHECK(reader.messages() == topic + " q0 retain 'new'");
    }
}

TEST_CASE("interest: a group's SUBACK waits until every shard knows of the group") {
    std::size_t elsewhere = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        WorldOptions options = with_shards(3);
        options.hash_seed = seed;
        BrokerFixture broker(options);
        FakeClient& member = broker.connect(broker.client_id_on(0, "member"), {.version = v5});
        FakeClient& publisher = broker.connect(broker.client_id_on(1, "publisher"));
        broker.held.mailboxes = true;
        member.forget();
        member.subscribe("$share/g/a", qos0);
        exchange(broker, 0, 2);
        const bool waits = member.take().empty();
        exchange(broker, 0, 1);
        exchange(broker, 1, 2);
        exchange(broker, 0, 2);
        elsewhere += waits ? 1 : 0;
        publisher.publish("a", "x", qos0);
        broker.held.mailboxes = false;
        broker.run();
        CHECK(member.messages() == "a q0 'x'");
    }
    CHECK(elsewhere == 12);
}

TEST_CASE("interest: who joins a group of which not every shard knows yet waits too") {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        WorldOptions options = with_shards(4);
        options.hash_seed = seed;
        BrokerFixture broker(options);
        FakeClient& first = broker.connect(broker.client_id_on(0, "first"));
        FakeClient& second = broker.connect(broker.client_id_on(1, "second"));
        first.forget();
        second.forget();
        broker.held.mailboxes = true;
        first.subscribe("$share/g/a", qos0);
        exchange(broker, 0, 2);
        second.subscribe("$share/g/a", qos0);
        exchange(broker, 1, 2);
        CHECK(first.take() == "");
        CHECK(second.take() == "");
        broker.held.mailboxes = false;
        broker.run();
        CHECK(first.take() == "suback #1 0");
        CHECK(second.take() == "suback #1 0");
    }
}

}  // namespace martlet::tests
