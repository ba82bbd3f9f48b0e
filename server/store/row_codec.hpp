// What a column means: flags, options and messages, to and from values.
// Ownership: values; messages are made anew. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/store.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/wall_clock.hpp"

namespace martlet::store {

std::int64_t message_flags(const core::Message& message);
std::int64_t pack(const protocol::SubscriptionOptions& options);
std::optional<protocol::SubscriptionOptions> unpack_options(std::int64_t packed);

// What a message holds beside its header; the column `size`.
inline std::int64_t content_size(const core::Message& message) {
    return static_cast<std::int64_t>(message.memory_size() - sizeof(core::Message) - 2);
}
inline std::uint32_t memory_size(std::int64_t content) {
    return static_cast<std::uint32_t>(sizeof(core::Message) + 2 +
                                      static_cast<std::size_t>(content));
}

// User name and, behind U+0000, the credential: no user name has that character in it.
std::string owner_text(const core::Identity& owner);
core::Identity owner_from_text(std::string_view text);

inline std::optional<std::int64_t> integer_or_none(const Statement& row, int column) {
    return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

// Where a row has the parts of a message; topic, properties and payload follow one another.
struct MessageColumns {
    int expires_at;
    int flags;
    int topic;
};
inline constexpr MessageColumns message_columns{.expires_at = 3, .flags = 4, .topic = 7};
inline constexpr MessageColumns retained_columns{.expires_at = 2, .flags = 3, .topic = 4};
inline constexpr MessageColumns will_columns{.expires_at = 5, .flags = 2, .topic = 6};

// Null if the row cannot be one of ours.
core::MessageRef read_message(const Statement& row, const MessageColumns& columns,
                              const WallClock& clock);

}  // namespace martlet::store
