// The one scan at the start: what the tables hold becomes sessions, queues and retained messages,
// placed on the shards that there are now. Of queued messages only the index is read; their content
// stays on disk. Messages that nobody waits for any more are deleted on the way.
// Ownership: values. Threading: before the store's thread runs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/recovered.hpp"
#include "server/store/group.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/wall_clock.hpp"

namespace martlet::store {

struct RecoveryOptions {
    core::ShardIndex shard_count = 1;
    std::function<core::ShardIndex(std::string_view client_id)> shard_of_session;
    std::function<core::ShardIndex(std::string_view topic)> shard_of_retained;
    WallClock clock;
};

struct Recovered {
    std::vector<core::RecoveredState> shards;
    ReferenceCounts references;
    IdMarks marks;
};

struct RecoveryProblem {
    std::string text;
    int status = 0;  // SQLite's
};

// What is wrong, if anything is: nothing is left out silently.
std::optional<RecoveryProblem> recover(Connection& connection, const RecoveryOptions& options,
                                       Recovered& to);

}  // namespace martlet::store
