// What tests are written with: a client that says packets, expects packets, and fails its test when
// something else comes. Packets that come while it waits for an acknowledgement stay in order.
//
// Ownership: borrows the Trial. Threading: one thread, the one of its test.
// Invariant: whatever a server may not send at all fails the test that received it.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/suite/packet.hpp"
#include "conformance/suite/stream.hpp"
#include "conformance/suite/trial.hpp"

namespace martlet::conformance {

// How a server ended a connection: the last packet it sent about it, if any.
struct Ending {
    std::optional<Type> type{};
    unsigned code = 0;
};

class Client {
public:
    // Connects the socket and says nothing yet.
    Client(Trial& trial, std::string_view name);
    explicit Client(Trial& trial) : Client(trial, "c") {}

    // --- saying things ---

    template <class PacketType>
    void send(const PacketType& packet) {
        send_raw(encode(packet, trial_.target.version));
    }
    void send_raw(const Bytes& bytes);
    // CONNECT with this client's name and the credentials of the run where it has none.
    void send_connect(Connect packet);
    // Chooses a Packet Identifier where there is none; returns it.
    std::uint16_t send_publish(Publish packet);
    std::uint16_t send_subscribe(Subscribe packet);
    // Closes the socket without a DISCONNECT.
    void drop() { stream_.close(); }
    void disconnect();

    // --- whole exchanges ---

    // CONNECT until the CONNACK that accepts.
    Packet connect() { return connect(Connect{}); }
    Packet connect(Connect packet);
    // PUBLISH with all of its acknowledgements; returns the first of them.
    Packet publish(Publish packet);
    // SUBSCRIBE until the SUBACK, which must grant just what was asked for.
    Packet subscribe(const std::string& filter, unsigned qos);
    Packet subscribe(Subscribe packet);
    void unsubscribe(const std::string& filter);
    void ping();

    // --- expecting things, in the order in which they come ---

    Packet expect(const Connack& wanted);
    // QoS, flags, topic and payload must be just these; the properties are for the test to look at.
    Packet expect(const Publish& wanted);
    Packet expect(const Ack& wanted);
    Packet expect(const Suback& wanted);
    Packet expect(const Unsuback& wanted);
    Packet expect(Type wanted);
    // The same, and acknowledges it whole.
    Packet take(const Publish& wanted);
    void acknowledge(const Packet& publish);
    // The first packet of this type and identifier; what comes before it stays for expect().
    Packet await(Type wanted, std::uint16_t id);
    // Nothing has come: whatever the server sent before it answers a PINGREQ would be here.
    void expect_nothing();
    // Nothing comes on the way of a message that `publisher` publishes now and this client gets.
    void expect_nothing_from(Client& publisher);
    // The connection ends; a DISCONNECT (5.0) or a CONNACK that refuses may come before.
    Ending expect_closed();
    // The same, and nothing is said before.
    void expect_closed_silently();
    // The connection ends; what comes before may be of another version, and is given as it is.
    void expect_end_of_foreign(Bytes& seen);
    // The next packet, or nothing when the connection ends.
    std::optional<Packet> receive();
    // The next packet by then, or nothing; the connection must stay open.
    std::optional<Packet> receive_until(Instant deadline);
    [[nodiscard]] std::optional<Ending> closed_by(Instant deadline);

    [[nodiscard]] const std::string& id() const { return id_; }
    void rename(std::string client_id) { id_ = std::move(client_id); }
    // The server's Receive Maximum, and so on: the CONNACK of connect().
    [[nodiscard]] const Packet& connack() const { return connack_; }

private:
    enum class Outcome { packet, closed, late };

    Outcome pull(Instant deadline);
    std::optional<Packet> next(std::string_view wanted, Instant deadline);
    Packet next_of(Type type, std::string_view wanted);
    [[nodiscard]] Instant deadline() const { return Clock::now() + trial_.target.patience; }
    std::uint16_t choose_id(std::uint16_t given);

    Trial& trial_;
    std::string name_;
    std::string id_;
    Stream stream_;
    Bytes buffer_;
    std::deque<Packet> inbox_;
    Packet connack_;
    std::uint16_t last_id_ = 0;
    unsigned markers_ = 0;
    bool is_marked_ = false;
    bool is_connected_ = false;
};

}  // namespace martlet::conformance
