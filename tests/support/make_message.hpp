// Messages for tests, in one line. Threading: pure functions.
#pragma once

#include <string_view>

#include "server/core/message.hpp"

namespace martlet::testing {

inline core::MessageRef make_message(std::string_view topic, std::string_view payload) {
    core::MessageParts parts;
    parts.topic = topic;
    parts.payload = protocol::as_bytes(payload);
    return core::Message::make(parts);
}

}  // namespace martlet::testing
