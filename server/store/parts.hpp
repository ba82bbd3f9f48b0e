// Parts of publications that are not complete (see core::PublicationKey): kept in memory until they
// are, and gone with the process if they never are.
// Ownership: owns the parts; shares their messages. Threading: store thread only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <map>
#include <vector>

#include "server/core/store.hpp"

namespace martlet::store {

class Parts {
public:
    struct Part {
        core::MessagePut put;
        std::size_t left = 0;  // targets that are not done with it
    };

    void add(const core::MessagePut& put);
    // One target is done with it; false: it is not here.
    bool release(core::MessageId id);
    // All parts of a publication that somebody still wants, which leave.
    std::vector<Part> take(const core::PublicationKey& publication);
    // Null: it is not here.
    core::MessageRef find(core::MessageId id) const;
    bool empty() const { return by_id_.empty(); }

private:
    std::map<core::PublicationKey, std::vector<Part>> by_publication_;
    boost::unordered_flat_map<core::MessageId, core::PublicationKey> by_id_;
};

}  // namespace martlet::store
