// Rights that are proved once, that change, and that end.
#include <doctest/doctest.h>

#include "tests/support/broker_fixture.hpp"

using namespace martlet;
using namespace martlet::tests;
using core::Identity;
using protocol::QoS;
using protocol::Version;

namespace {

ConnectOptions keeping(Version version, std::string user = {}) {
    ConnectOptions options{.version = version, .clean = false, .session_expiry_s = 1000};
    if (!user.empty()) {
        options.user_name = std::move(user);
    }
    return options;
}

void tell_of_change(BrokerFixture& broker) {
    BrokerWorld& world = broker.world();
    for (core::ShardIndex shard = 0; shard < world.shard_count(); ++shard) {
        world.shard(shard).on_access_changed(world.now());
    }
    broker.run();
}

// What nobody may read from now on.
void forbid(BrokerFixture& broker, std::string forbidden) {
    broker.world().access.read = [forbidden](const Identity&, std::string_view,
                                             std::string_view topic) { return topic != forbidden; };
    broker.world().access.subscribe = [forbidden](const Identity&, std::string_view,
                                                  std::string_view filter) {
        return filter != forbidden;
    };
}

std::uint64_t not_permitted(BrokerFixture& broker) {
    return broker.world().total(&core::Counters::dropped_not_permitted);
}

}  // namespace

TEST_CASE("rights: a subscription that is proved costs no question for each message") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeAccess& access = broker.world().access;
        forbid(broker, "secret");
        access.read_all = [](const Identity&, std::string_view, std::string_view filter) {
            return filter.starts_with("open/");
        };
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("open/+", qos1);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("open/1", "x", qos1);
        CHECK(reader.messages() == "open/1 q1 'x'");
        CHECK(access.asked_to_read == 0);
        reader.subscribe("#", qos1);
        reader.forget();
        publisher.publish("open/1", "y", qos1);
        publisher.publish("secret", "z", qos1);
        CHECK(reader.messages() == "open/1 q1 'y'");
        CHECK(access.asked_to_read == 2);
    });
}

TEST_CASE("rights: what may not be read after a change is not delivered though it was proved") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", {.version = version});
        reader.subscribe("#", qos1);
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("secret", "before", qos1);
        CHECK(reader.messages() == "secret q1 'before'");
        forbid(broker, "secret");
        tell_of_change(broker);
        publisher.publish("secret", "after", qos1);
        publisher.publish("open", "after", qos1);
        CHECK(reader.messages() == "open q1 'after'");
        CHECK(not_permitted(broker) == 1);
    });
}

TEST_CASE("rights: what is queued or in flight is not sent once it may not be read") {
    for (const QoS qos : {qos1, qos2}) {
        in_every_broker([&](BrokerFixture& broker, Version version) {
            FakeClient& reader = broker.connect("reader", keeping(version));
            reader.subscribe("#", qos);
            reader.auto_ack = false;
            FakeClient& publisher = broker.connect("publisher", {.version = version});
            publisher.publish("secret", "in flight", qos);
            publisher.publish("open", "in flight", qos);
            reader.drop();
            reader.forget();
            publisher.publish("secret", "queued", qos);
            publisher.publish("open", "queued", qos);
            forbid(broker, "secret");
            tell_of_change(broker);
            reader.connect(keeping(version));
            const std::string q = qos == qos1 ? "q1" : "q2";
            CHECK(reader.messages() == "open " + q + " 'in flight' | open " + q + " 'queued'");
            CHECK(not_permitted(broker) == 2);
            broker.world().check_invariants();
        });
    }
}

TEST_CASE("rights: who may not stay is disconnected and everybody else is not") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& anna = broker.connect("a", {.version = version, .user_name = "anna"});
        FakeClient& bert = broker.connect("b", {.version = version, .user_name = "bert"});
        broker.world().access.stay = [](const Identity& who) { return who.user_name != "anna"; };
        tell_of_change(broker);
        CHECK(anna.take() == (version == v5 ? "disconnect 0x87 | closed" : "closed"));
        bert.ping();
        CHECK(bert.take() == "pingresp");
        CHECK(broker.world().total(&core::Counters::rights_ended) == 1);
    });
}

TEST_CASE("rights: a client hears that a subscription is not permitted any more and keeps it") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeClient& reader = broker.connect("reader", keeping(version));
        reader.subscribe("secret", qos1);
        FakeClient& shared = broker.connect("shared", keeping(version));
        shared.subscribe("$share/g/secret", qos1);
        FakeClient& other = broker.connect("other", keeping(version));
        other.subscribe("open", qos1);
        reader.forget();
        shared.forget();
        other.forget();
        forbid(broker, "secret");
        tell_of_change(broker);
        const std::string ended = version == v5 ? "disconnect 0x87 | closed" : "closed";
        CHECK(reader.take() == ended);
        CHECK(shared.take() == ended);
        CHECK(other.take() == "");
        other.publish("secret", "x", qos1);
        reader.connect(keeping(version));
        CHECK(reader.take() == "connack 0 present");
        reader.subscribe("secret", qos1);
        CHECK(reader.take() == (version == v5 ? "suback #2 0x87" : "suback #2 0x80"));
        broker.world().access.read = {};
        broker.world().access.subscribe = {};
        tell_of_change(broker);
        other.publish("secret", "y", qos1);
        CHECK(reader.messages() == "secret q1 'y'");
    });
}

TEST_CASE("rights: many sessions are asked about over several passes") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        constexpr int clients = 1500;
        for (int i = 0; i < clients; ++i) {
            broker.connect("c" + std::to_string(i),
                           {.version = version, .user_name = i % 2 == 0 ? "anna" : "bert"});
        }
        broker.world().access.stay = [](const Identity& who) { return who.user_name != "anna"; };
        tell_of_change(broker);
        CHECK(broker.world().total(&core::Counters::rights_ended) == clients / 2);
        CHECK(broker.world().total(&core::Counters::connections) == clients / 2);
    });
}

TEST_CASE("rights: a credential that expires ends the connection and not the session") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        broker.world().access.valid_for = std::chrono::seconds(10);
        FakeClient& client = broker.connect("a", keeping(version));
        broker.pass_time(std::chrono::seconds(9));
        CHECK(client.take() == "");
        broker.pass_time(std::chrono::seconds(2));
        CHECK(client.take() == (version == v5 ? "disconnect 0x87 | closed" : "closed"));
        broker.world().access.valid_for.reset();
        broker.pass_time(std::chrono::seconds(100));
        client.connect(keeping(version));
        CHECK(client.take() == "connack 0 present");
        broker.pass_time(std::chrono::seconds(20));
        CHECK(client.take() == "");
    });
}

TEST_CASE("rights: a session goes with what its client proved last") {
    in_every_broker([](BrokerFixture& broker, Version version) {
        FakeAccess& access = broker.world().access;
        access.read = [](const Identity& who, std::string_view, std::string_view topic) {
            return topic == who.credential;
        };
        access.credential = "a";
        FakeClient& client = broker.connect("client", keeping(version));
        client.subscribe("+", qos1);
        client.drop();
        client.forget();
        access.credential = "b";
        client.connect(keeping(version));
        client.forget();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "x", qos1);
        publisher.publish("b", "x", qos1);
        CHECK(client.messages() == "b q1 'x'");
    });
}

TEST_CASE("rights: after a restart a session has the credential it had") {
    WorldOptions options;
    options.keeps_records = true;
    in_every_broker(options, [](BrokerFixture& broker, Version version) {
        FakeAccess& access = broker.world().access;
        access.read = [](const Identity& who, std::string_view, std::string_view topic) {
            return topic == who.credential;
        };
        access.credential = "a";
        FakeClient& client = broker.connect("client", keeping(version));
        client.subscribe("+", qos1);
        client.drop();
        client.forget();
        broker.world().crash(2);
        broker.run();
        FakeClient& publisher = broker.connect("publisher", {.version = version});
        publisher.publish("a", "x", qos1);
        publisher.publish("b", "x", qos1);
        CHECK(broker.world().total(&core::Counters::queued_messages) == 1);
        client.connect(keeping(version));
        CHECK(client.messages() == "a q1 'x'");
    });
}
