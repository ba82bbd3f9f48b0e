// The numbered normative statements of both versions, each in a few words of ours and with what
// can be said about it from outside a server.
//
// Ownership: static storage. Threading: immutable.
#pragma once

#include <span>
#include <string_view>

#include "conformance/suite/packet.hpp"

namespace martlet::conformance {

enum class Kind {
    tested,        // at least one test proves it
    duty,          // what a client has to do; a server has no part in it
    unobservable,  // a client cannot see whether a server does it
};

struct Statement {
    std::string_view id;
    Kind kind = Kind::tested;
    std::string_view title;
    std::string_view reason{};  // why it is not tested
};

std::span<const Statement> statements(Version version);

}  // namespace martlet::conformance
