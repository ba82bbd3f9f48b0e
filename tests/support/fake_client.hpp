// A remote program that speaks MQTT: it says what the test tells it to, acknowledges by itself
// unless told not to, and remembers what it hears.
//
// Every function that sends runs the broker until it is quiet (see BrokerFixture::held), so that a
// test reads as a script. Ownership: belongs to its BrokerFixture. Threading: its test's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/packet/connect.hpp"
#include "protocol/packet/subscribe.hpp"
#include "tests/support/broker_world.hpp"
#include "tests/support/packets.hpp"

namespace martlet::tests {

class BrokerFixture;

inline constexpr protocol::QoS qos0 = protocol::QoS::at_most_once;
inline constexpr protocol::QoS qos1 = protocol::QoS::at_least_once;
inline constexpr protocol::QoS qos2 = protocol::QoS::exactly_once;
inline constexpr protocol::Version v3_1 = protocol::Version::v3_1;
inline constexpr protocol::Version v3 = protocol::Version::v3_1_1;
inline constexpr protocol::Version v5 = protocol::Version::v5_0;

struct WillOptions {
    std::string topic;
    std::string payload;
    protocol::QoS qos{};
    bool retain = false;
    ByteVector properties{};  // v5, as on the wire
};

struct ConnectOptions {
    protocol::Version version = protocol::Version::v3_1_1;
    bool clean = true;
    std::uint16_t keep_alive_s = 0;
    std::optional<WillOptions> will{};
    std::optional<std::string> user_name{};
    std::optional<std::string> password{};
    // v5; unset: in 3.1.1 terms, `clean` ends the session with the connection, otherwise never.
    std::optional<std::uint32_t> session_expiry_s{};
    std::uint16_t receive_maximum = 65'535;
    std::uint32_t maximum_packet_size = 0;
    bool problem_information = true;
    std::optional<std::string> authentication_method{};
    std::optional<std::string> authentication_data{};
    std::uint16_t topic_alias_maximum = 0;
    bool response_information = false;
};

struct PublishOptions {
    protocol::QoS qos{};
    bool retain = false;
    bool dup = false;
    std::uint16_t id = 0;     // 0: the next unused one
    ByteVector properties{};  // v5, as on the wire
};

struct SubscribeOptions {
    protocol::SubscriptionOptions options{};
    std::uint32_t identifier = 0;
};

class FakeClient {
public:
    FakeClient(BrokerFixture& broker, std::string client_id)
        : broker_(broker), client_id_(std::move(client_id)) {}

    const std::string& client_id() const { return client_id_; }

    // --- the Network Connection ---
    // Opens a new one and says CONNECT; what comes back is for the test to look at.
    void connect(const ConnectOptions& options);
    // Opens one and says nothing yet.
    void open(protocol::Version version);
    void send(const ByteVector& bytes);
    // The network fails: nothing that is under way arrives any more.
    void drop();
    // DISCONNECT, then the end of the stream.
    void disconnect(protocol::ReasonCode reason = protocol::ReasonCode::success,
                    std::optional<std::uint32_t> session_expiry_s = std::nullopt);
    bool is_closed();
    // Reads no more than this many bytes ahead of the test: 0 is a client that hangs.
    void set_room(std::size_t bytes);

    // --- packets; the Packet Identifier used is returned ---
    std::uint16_t publish(std::string_view topic, std::string_view payload,
                          const PublishOptions& options = {});
    std::uint16_t publish(std::string_view topic, std::string_view payload, protocol::QoS qos) {
        return publish(topic, payload, PublishOptions{qos});
    }
    std::uint16_t retain(std::string_view topic, std::string_view payload, protocol::QoS qos) {
        return publish(topic, payload, PublishOptions{qos, true});
    }
    std::uint16_t subscribe(std::string_view filter, protocol::QoS qos);
    std::uint16_t subscribe(std::string_view filter, const SubscribeOptions& options);
    std::uint16_t subscribe(const std::vector<std::pair<std::string, protocol::QoS>>& filters);
    std::uint16_t unsubscribe(const std::vector<std::string_view>& filters);
    void ack(protocol::PacketType type, std::uint16_t id,
             protocol::ReasonCode reason = protocol::ReasonCode::success);
    void puback(std::uint16_t id) { ack(protocol::PacketType::puback, id); }
    void pubrec(std::uint16_t id) { ack(protocol::PacketType::pubrec, id); }
    void pubrel(std::uint16_t id) { ack(protocol::PacketType::pubrel, id); }
    void pubcomp(std::uint16_t id) { ack(protocol::PacketType::pubcomp, id); }
    void ping();
    void auth(protocol::ReasonCode reason, std::string_view method,
              std::optional<std::string_view> data = std::nullopt);

    // Answers PUBLISH, PUBREC and PUBREL by itself.
    bool auto_ack = true;
    // Leaves what comes on its wire, for a test that looks at the bytes.
    bool keeps_unread = false;

    // --- what has come since it was last asked ---
    // All packets in text (see packets.hpp), joined by " | "; at the end "closed" when the broker
    // has ended the connection.
    std::string take();
    // The messages alone, without what delivery adds; other packets are forgotten.
    std::string messages();
    std::vector<Packet> take_packets();
    void forget() { received_.clear(); }

    // Called by the fixture: reads what the network has for it. False: nothing.
    bool read();
    WireIndex wire_index() const { return wire_; }
    bool has_wire() const { return has_wire_; }

private:
    std::uint16_t next_id();
    Wire& wire();
    void react(const Packet& packet);
    void queue_bytes(const ByteVector& bytes);
    void run();

    BrokerFixture& broker_;
    std::string client_id_;
    protocol::Version version_ = protocol::Version::v3_1_1;
    WireIndex wire_ = 0;
    bool has_wire_ = false;
    bool told_closed_ = false;
    std::uint16_t last_id_ = 0;
    ByteVector unread_;  // the front of a packet
    ReceivedAliases aliases_;
    std::vector<Packet> received_;
};

}  // namespace martlet::tests
