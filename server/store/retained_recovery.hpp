// The part of a recovery that reads the retained messages: most of what a start takes, so many of
// them are read by several threads at once.
// Ownership: values. Threading: finish() before anything is written to the database.
#pragma once

#include <future>
#include <string>
#include <vector>

#include "server/core/recovered.hpp"
#include "server/store/recovery.hpp"

namespace martlet::store {

struct RetainedRows {
    std::vector<std::vector<core::RecoveredRetained>> by_shard;
    std::vector<core::RetainedId> expired;
    core::RetainedId id_max = 0;
    std::optional<RecoveryProblem> problem;
};

class RetainedRecovery {
public:
    // Begins, with connections of its own to the database that `connection` is to.
    RetainedRecovery(Connection& connection, const RecoveryOptions& options);

    // Of parts in the order of ids.
    std::vector<RetainedRows> finish();

private:
    std::vector<std::future<RetainedRows>> parts_;
};

}  // namespace martlet::store
