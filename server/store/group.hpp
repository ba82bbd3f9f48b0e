// What is written in one go: the batches of all shards since the last time, boiled down.
//
// A message that came and is done with meanwhile is never written; of a session's windows, and of
// what became of a retained topic, only the last is. What is left is a list of operations that can
// be applied again, should the transaction be rolled back: nothing here changes by applying.
// Ownership: owns the batches; everything else points into them. Threading: store thread only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <type_traits>
#include <vector>

#include "server/core/store.hpp"
#include "server/store/parts.hpp"

namespace martlet::store {

// How many targets of a message are not done with it. Most messages have one, and cost nothing.
class ReferenceCounts {
public:
    void add(core::MessageId id, std::size_t targets) {
        if (targets > 1) {
            left_.insert_or_assign(id, static_cast<std::uint32_t>(targets));
        }
    }
    // One is done; true if it was the last.
    bool release(core::MessageId id) {
        if (left_.empty()) {
            return true;
        }
        const auto found = left_.find(id);
        if (found == left_.end()) {
            return true;
        }
        if (--found->second == 1) {
            left_.erase(found);
        }
        return false;
    }

private:
    boost::unordered_flat_map<core::MessageId, std::uint32_t> left_;
};

// The greatest of each kind.
struct IdMarks {
    core::SessionId session = 0;
    core::MessageId message = 0;
    core::RetainedId retained = 0;
};

class Group {
public:
    // Rows first, first + step ... last.
    struct Run {
        core::MessageId first = 0;
        core::MessageId last = 0;
        std::uint64_t step = 1;
    };

    void add(core::ShardIndex shard, core::StoreBatch batch, ReferenceCounts& references,
             Parts& parts);
    // After the last add() and before the lists are read.
    void close();
    void clear();

    bool empty() const { return batches_.empty(); }
    const std::vector<const core::MessagePut*>& messages() const { return messages_; }
    const std::vector<Run>& deletions() const { return deletions_; }
    // Everything that is not about messages, windows and retained ones, in order.
    const std::vector<const core::StoreRecord*>& others() const { return others_; }
    const boost::unordered_flat_map<core::SessionId, const core::WindowPut*>& windows() const {
        return windows_;
    }
    // RetainedPut or RetainedErased.
    const boost::unordered_flat_map<core::RetainedId, const core::StoreRecord*>& retained() const {
        return retained_;
    }
    const IdMarks& marks() const { return marks_; }

private:
    void add_record(core::ShardIndex shard, const core::StoreRecord& record,
                    ReferenceCounts& references, Parts& parts);
    void add_message(const core::MessagePut& put, std::size_t left, ReferenceCounts& references);
    void cancel_what_is_done(std::vector<core::MessageId>& done);
    void make_runs(const std::vector<core::MessageId>& done);

    std::vector<core::StoreBatch> batches_;
    std::list<core::MessagePut> completed_;  // parts of publications that are complete now
    std::vector<const core::MessagePut*> messages_;
    std::vector<std::vector<core::MessageId>> done_;  // by shard: there ids rise in equal steps
    std::vector<Run> deletions_;
    std::vector<const core::StoreRecord*> others_;
    boost::unordered_flat_map<core::SessionId, const core::WindowPut*> windows_;
    boost::unordered_flat_map<core::RetainedId, const core::StoreRecord*> retained_;
    IdMarks marks_;
};

// Pointers into its batches must survive that groups are moved.
static_assert(std::is_nothrow_move_constructible_v<Group>);

}  // namespace martlet::store
