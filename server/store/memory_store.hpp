// `persistence false`: what clients are promised for as long as the broker runs, the core's own
// memory keeps; nothing outlives the process, and no answer waits. Threading: stateless, shared by
// all shards.
#pragma once

#include "server/core/store.hpp"

namespace martlet::store {

class MemoryStore final : public core::Store {
public:
    bool keeps_records() const override { return false; }
    // Never called, since nothing is recorded.
    void submit(core::StoreTicket, core::StoreBatch) override {}
    void load(core::LoadRequest) override {}
};

}  // namespace martlet::store
