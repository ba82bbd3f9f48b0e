// Who a client is.
// Ownership: a value. Threading: immutable.
#pragma once

#include <string>

namespace martlet::core {

// The authenticated identity a session belongs to.
struct Identity {
    std::string user_name;  // empty: anonymous
    // How it was proved, and what that proof itself permits, as the security adapter notes it for
    // itself; opaque here. It may differ from one connection to the next: not who it is.
    std::string credential{};

    friend bool operator==(const Identity& a, const Identity& b) {
        return a.user_name == b.user_name;
    }
};

}  // namespace martlet::core
