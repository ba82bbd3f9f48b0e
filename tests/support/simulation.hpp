// A broker under random clients on a bad network, from one seed: batches between shards and answers
// of the store come late, bytes come in pieces, connections break at any moment, and clients come
// back and send again what was not acknowledged. A model beside it knows what the broker has
// promised to whom and says so, with an exception, when it breaks its word:
//
//   - what a publisher saw acknowledged reaches every persistent session whose subscription stood
//     all the while: at least once with QoS 1, exactly once with QoS 2;
//   - first occurrences come in order, for each publisher, topic and QoS;
//   - nobody receives what no subscription it ever asked for matches;
//   - nobody receives what it may not read, while who may read what changes;
//   - the last retained message of each topic is what a new subscriber gets;
//   - sessions persist, correct clients are not disconnected, nothing is dropped, nothing is left.
//
// Ownership: owns the broker and its clients. Threading: its test's thread only.
// Invariant: of one client at most one wire is its own; others are broken or given up.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/packet/acks.hpp"
#include "protocol/packet/subscribe.hpp"
#include "tests/support/broker_world.hpp"
#include "tests/support/random.hpp"

namespace martlet::tests {

class Simulation {
public:
    // With crashes, the broker's process ends now and then, and starts again with what its store
    // had made durable.
    Simulation(std::uint64_t seed, core::ShardIndex shards, bool crashes);

    // Throws std::runtime_error when the broker has broken a promise.
    void run();

    struct Report {
        std::size_t published = 0;
        std::size_t acknowledged = 0;
        std::size_t received = 0;  // messages, not counting what was recognised as sent again
        std::size_t promised = 0;  // pairs of a message and a session that must get it
        std::size_t reconnects = 0;
        std::size_t crashes = 0;
        std::size_t not_permitted = 0;
    };
    const Report& report() const { return report_; }

private:
    // A message, by its place in `messages_`: higher is later at the same publisher.
    struct Message {
        std::size_t publisher = 0;
        std::string topic;
        std::string payload;
        protocol::QoS qos{};
        bool retain = false;
        std::size_t sent_at = 0;  // the step of its first sending
        std::size_t sendings = 0;
    };
    // One of our messages until it is done with.
    struct Outgoing {
        std::uint16_t id = 0;
        std::size_t message = 0;
        bool owned_by_broker = false;  // PUBREC has come
        bool pubrel_repeated = false;
    };
    // A subscription from its SUBACK until its UNSUBSCRIBE.
    struct Subscription {
        protocol::QoS qos{};  // at least, the whole time
        std::optional<std::size_t> since;
        std::uint16_t suback = 0;  // the answer that makes it stand
    };
    struct Client {
        std::size_t index = 0;
        std::string id;
        protocol::Version version{};
        ReceivedAliases aliases;
        bool persistent = false;
        std::size_t window = 0;  // own publishes under way

        // The present connection.
        std::optional<WireIndex> wire;
        bool connected = false;  // CONNACK has come
        std::deque<protocol::AckView> to_acknowledge;
        ByteVector unread;

        // The session.
        bool session_expected = false;  // the broker must still have it
        bool session_possible = false;  // it may have one
        std::uint16_t last_id = 0;
        std::deque<Outgoing> outgoing;
        std::set<std::uint16_t> incoming_qos2;
        std::map<std::string, Subscription> subscriptions;

        // For ever.
        std::set<std::string> filters;
        std::map<std::size_t, std::size_t> received;  // by message: how often, as new
        std::set<std::size_t> received_exactly_once;  // while it was persistent, at QoS 2
        std::map<std::string, std::size_t> latest;    // by publisher, topic and QoS
        std::set<std::size_t> promised;               // messages it must get
        std::map<std::string, std::string> retained;  // by topic: as it was when it subscribed
    };

    // --- what happens in a step (simulation.cpp) ---
    void step();
    void step_network(WireIndex index);
    void step_broker(core::ShardIndex shard);
    void step_client(Client& client);
    void crash();
    void change_rights();
    void settle();
    bool settle_once();

    // --- what clients do ---
    void connect(Client& client);
    void lose_connection(Client& client, bool unnoticed);
    void disconnect(Client& client);
    void subscribe(Client& client);
    void subscribe_to(Client& client, const protocol::SubscriptionRequestView& request);
    void unsubscribe(Client& client);
    void publish(Client& client);
    void send_publish(Client& client, const Outgoing& out, bool dup);
    void send_ack(Client& client, const protocol::AckView& ack);
    bool acknowledge(Client& client);
    bool read(Client& client);
    static std::uint16_t publish_id(const Client& client);
    static std::uint16_t next_id(Client& client);
    template <class AnyPacket>
    void send(Client& client, const AnyPacket& packet);

    // --- what clients hear, against the model (simulation_checks.cpp) ---
    void receive(Client& client, const Packet& packet);
    void receive_connack(Client& client, const Packet& packet);
    void receive_publish(Client& client, const Packet& packet);
    void receive_ack(Client& client, const Packet& packet);
    void accept(Client& client, const Packet& packet);
    void check_order(Client& client, std::size_t index, const Packet& packet);
    // Some clients may never read one topic, and another only now and then.
    bool may_read(std::string_view client_id, std::string_view topic) const;
    static bool may_always_read(std::string_view client_id, std::string_view topic);
    void promise(std::size_t index);
    // The highest QoS of the subscriptions that have stood since then.
    static std::optional<protocol::QoS> standing(const Client& client, std::string_view topic,
                                                 std::size_t since);
    void check_promises() const;
    void check_retained();
    void check_nothing_left();
    [[noreturn]] void fail(const Client& client, const std::string& what) const;

    testing::Random random_;
    const bool crashes_;
    BrokerWorld world_;
    std::deque<Client> clients_;
    std::vector<Message> messages_;
    std::map<std::string, std::size_t> by_payload_;
    std::map<std::string, std::string> retained_;  // by topic: published last
    std::size_t now_ = 0;                          // steps so far
    std::size_t crashed_at_ = 0;
    std::size_t rights_ = 0;        // which clients they are for just now...
    std::size_t rights_since_ = 0;  // ...and from which step on
    Report report_;
};

}  // namespace martlet::tests
