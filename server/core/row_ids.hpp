// The names of rows in the store, and who hands them out: ascending, and different on all shards,
// because each counts in steps of the number of shards from a place of its own. That number may
// change between runs.
// Threading: its shard's thread only.
#pragma once

#include <cstdint>

#include "server/core/ids.hpp"

namespace martlet::core {

// Never reused, not by a later run either, and different on all shards. 0 names none.
using SessionId = std::uint64_t;
using MessageId = std::uint64_t;  // on one shard, a later message has a greater one
using RetainedId = std::uint64_t;

class RowIds {
public:
    RowIds(ShardIndex shard, ShardIndex shard_count) : shard_(shard), step_(shard_count) {
        start_after(0);
    }

    // Everything handed out from now on is greater, on every shard that is told the same.
    void start_after(std::uint64_t greatest) { next_ = (greatest / step_ + 1) * step_ + shard_; }
    std::uint64_t take() {
        const std::uint64_t id = next_;
        next_ += step_;
        return id;
    }

private:
    std::uint64_t next_ = 0;
    std::uint64_t shard_;
    std::uint64_t step_;
};

}  // namespace martlet::core
