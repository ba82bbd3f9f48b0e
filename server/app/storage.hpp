// Which store the broker has, and its life: in memory, or the durable one in a directory.
//
// The shards are built before the process gives up root's rights, and the files belong to the user
// it becomes: so each shard is given a port at once, and what is behind it is opened later.
// Ownership: owns the store. Threading: the main thread; ports as in core/store.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/app/config.hpp"
#include "server/core/recovered.hpp"
#include "server/core/store.hpp"

namespace martlet::store {
class SqliteStore;
}

namespace martlet::app {

class Storage {
public:
    struct Setup {
        core::ShardIndex shards = 1;
        std::uint64_t hash_seed = 0;
        // On the store's thread.
        std::function<void(core::ShardIndex, core::StoreNews)> deliver;
        std::function<void(std::string line)> on_fatal;
        std::function<void(std::string line)> on_warning;
    };

    Storage(PersistenceConfig config, Setup setup);
    ~Storage();
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    core::Store& port(core::ShardIndex shard);
    bool is_durable() const { return config_.enabled; }
    const std::string& directory() const { return config_.location; }

    // What the last run left, by shard. Throws std::runtime_error with one line that says what is
    // wrong and what to do. Once, before anything is submitted.
    std::vector<core::RecoveredState> open();
    // Makes durable what was submitted.
    void close();

private:
    class Port;

    PersistenceConfig config_;
    Setup setup_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::unique_ptr<store::SqliteStore> store_;
};

}  // namespace martlet::app
