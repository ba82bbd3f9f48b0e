#include "server/app/storage.hpp"

#include <chrono>
#include <utility>

#include "server/core/shard.hpp"
#include "server/store/memory_store.hpp"
#include "server/store/sqlite_store.hpp"
#include "server/transport/clock.hpp"

namespace martlet::app {

class Storage::Port final : public core::Store {
public:
    explicit Port(bool keeps_records) : keeps_records_(keeps_records) {}

    void attach(core::Store& store) { store_ = &store; }

    bool keeps_records() const override { return keeps_records_; }
    void submit(core::StoreTicket ticket, core::StoreBatch batch) override {
        store_->submit(ticket, std::move(batch));
    }
    void load(core::LoadRequest request) override { store_->load(std::move(request)); }

private:
    bool keeps_records_;
    core::Store* store_ = nullptr;
};

Storage::Storage(PersistenceConfig config, Setup setup)
    : config_(std::move(config)), setup_(std::move(setup)) {
    for (core::ShardIndex shard = 0; shard < setup_.shards; ++shard) {
        ports_.push_back(std::make_unique<Port>(config_.enabled));
    }
}

Storage::~Storage() {
    close();
}

core::Store& Storage::port(core::ShardIndex shard) {
    return *ports_[shard];
}

std::vector<core::RecoveredState> Storage::open() {
    if (!config_.enabled) {
        return {};
    }
    const std::uint64_t seed = setup_.hash_seed;
    const core::ShardIndex shards = setup_.shards;
    store::StoreOptions options;
    options.directory = config_.location;
    options.shard_count = shards;
    options.clock_base = transport::read_clock();
    options.wall_ms_at_base = std::chrono::duration_cast<std::chrono::milliseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count();
    options.shard_of_session = [seed, shards](std::string_view client_id) {
        return core::home_of_client(client_id, seed, shards);
    };
    options.shard_of_retained = [seed, shards](std::string_view topic) {
        return core::home_of_topic(topic, seed, shards);
    };
    options.deliver = setup_.deliver;
    options.on_fatal = setup_.on_fatal;
    options.on_warning = setup_.on_warning;
    options.commit_delay = config_.commit_delay;
    store_ = store::SqliteStore::open(std::move(options));
    for (core::ShardIndex shard = 0; shard < shards; ++shard) {
        ports_[shard]->attach(store_->port(shard));
    }
    std::vector<core::RecoveredState> states = store_->recover();
    store_->start();
    return states;
}

void Storage::close() {
    if (store_) {
        store_->stop();
    }
}

}  // namespace martlet::app
