// A rule of MQTT that the proxy breaks, and which tests should notice.
//
// Ownership: static storage. Threading: immutable.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "conformance/mutant/link.hpp"

namespace martlet::conformance {

struct Mutation {
    std::string_view name;
    std::string_view title;
    // Of tests, as --filter takes them, with commas between.
    std::string_view filters;
    enum class For { both, v311, v5 } versions = For::both;
    // Where there is none, packets pass as they are.
    void (*from_server)(Link&, Packet&) = nullptr;
    void (*from_client)(Link&, Packet&) = nullptr;
    // The broker has closed a connection; true: the client's stays open, and is answered pings.
    bool (*on_server_closed)(Link&) = nullptr;
    // The client has closed its connection.
    void (*on_client_closed)(Link&) = nullptr;
};

std::span<const Mutation> flow_mutations();
std::span<const Mutation> subscription_mutations();
std::span<const Mutation> connection_mutations();
std::span<const Mutation> v5_property_mutations();
std::span<const Mutation> v5_mutations();

std::vector<Mutation> all_mutations();

template <PropertyId Id>
void remove(Properties& properties) {
    std::erase_if(properties, [](const Property& one) { return one.id == Id; });
}

// Changes packets of one type on their way to the client and passes the others.
template <Type Wanted, class Change>
void change_to_client(Link& link, Packet& packet, Change change) {
    if (packet.type == Wanted) {
        change(packet);
        link.send_to_client(packet);
    } else {
        link.pass_to_client(packet);
    }
}

template <Type Wanted>
void drop_to_client(Link& link, Packet& packet) {
    if (packet.type != Wanted) {
        link.pass_to_client(packet);
    }
}

// Changes what a client publishes.
template <class Change>
void change_publish(Link& link, Packet& packet, Change change) {
    if (packet.type == Type::publish) {
        change(packet);
        link.send_to_server(packet);
    } else {
        link.pass_to_server(packet);
    }
}

// Changes a CONNECT that is well-formed.
template <class Change>
void change_connect(Link& link, Packet& packet, Change change) {
    if (packet.type == Type::connect) {
        if (auto parts = take_apart(packet.raw)) {
            change(*parts);
            link.to_server += put_together(*parts);
            return;
        }
    }
    link.pass_to_server(packet);
}

}  // namespace martlet::conformance
