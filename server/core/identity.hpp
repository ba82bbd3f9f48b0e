// Who a client is.
// Ownership: a value. Threading: immutable.
#pragma once

#include <string>

namespace martlet::core {

// The authenticated identity a session belongs to.
struct Identity {
    std::string user_name;  // empty: anonymous
    friend bool operator==(const Identity&, const Identity&) = default;
};

}  // namespace martlet::core
