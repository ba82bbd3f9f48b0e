// One client's connection through the proxy, as a mutation sees it: packets in both directions, and
// what the mutation wants to remember. What it sends is what the other side gets.
//
// Ownership: the proxy owns links; the world outlives them. Threading: the proxy's one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "conformance/suite/packet.hpp"

namespace martlet::conformance {

// What a mutation remembers over connections.
struct World {
    std::map<std::string, unsigned> numbers;
    std::set<std::string> names;
};

struct Link {
    World& world;
    Version version = Version::v311;
    std::string client_id{};
    bool is_accepted = false;  // a CONNACK with 0 has passed
    unsigned count = 0;
    std::vector<Packet> held{};
    std::set<std::string> names{};

    // What goes out after this step.
    Bytes to_client{};
    Bytes to_server{};
    bool drop_server = false;  // close the broker's side as if the client had died

    void pass_to_client(const Packet& packet) { to_client += packet.raw; }
    // After a change: written anew.
    void send_to_client(const Packet& packet) { to_client += encode(packet, version); }
    void pass_to_server(const Packet& packet) { to_server += packet.raw; }
    void send_to_server(const Packet& packet) { to_server += encode(packet, version); }
};

// CONNECT taken apart just so far that its parts can be changed.
struct ConnectParts {
    std::string protocol{};
    unsigned level = 0;
    unsigned flags = 0;
    unsigned keep_alive_s = 0;
    Properties properties{};
    std::string client_id{};
    Properties will_properties{};
    Bytes rest{};  // will topic, will payload, user name, password
};

// Nothing when it is not well-formed so far.
std::optional<ConnectParts> take_apart(const Bytes& raw);
Bytes put_together(const ConnectParts& parts);

// SUBSCRIBE with each of its options bytes changed.
Bytes map_options(const Bytes& raw, Version version, unsigned (*change)(unsigned));
std::vector<std::string> filters_of_unsubscribe(const Bytes& raw, Version version);

}  // namespace martlet::conformance
