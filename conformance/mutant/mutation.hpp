// A rule of MQTT that the proxy breaks, and which tests should notice.
//
// Ownership: static storage. Threading: immutable.
#pragma once

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

const std::vector<Mutation>& flow_mutations();
const std::vector<Mutation>& subscription_mutations();
const std::vector<Mutation>& connection_mutations();
const std::vector<Mutation>& v5_mutations();

std::vector<Mutation> all_mutations();

}  // namespace martlet::conformance
