// A SqliteStore with a test in the place of the shards: submits, waits, loads, and writes what is
// recovered as text, to be compared with what it should be (store_model.hpp).
// Ownership: owns the store. Threading: the test's thread; the store's own thread reports into it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/core/recovered.hpp"
#include "server/store/sqlite_store.hpp"

namespace martlet::testing {

struct HarnessOptions {
    std::string directory;
    core::ShardIndex shard_count = 1;
    // Each run of a test has a later one, unless the clock is to be set back.
    std::int64_t wall_ms = 1'700'000'000'000;
    std::chrono::milliseconds lazy_delay{10};
    std::chrono::milliseconds retry_delay{20};
};

class StoreHarness {
public:
    // Opens and recovers, as a broker does; throws what they throw.
    explicit StoreHarness(const HarnessOptions& options);
    ~StoreHarness();

    void start() { store_->start(); }
    void stop() { store_->stop(); }
    const std::vector<core::RecoveredState>& recovered() const { return recovered_; }

    core::StoreTicket submit(core::ShardIndex shard, std::vector<core::StoreRecord> records,
                             bool is_urgent);
    // False if it never will: the store has given up.
    bool wait_durable(core::ShardIndex shard, core::StoreTicket ticket);
    // False if it did not come to that before the store gave up.
    bool wait_refuses(bool refuses);
    std::optional<core::LoadedMessages> load(core::ShardIndex shard, core::SessionId session,
                                             std::vector<core::MessageId> ids);
    // The two halves of it, to ask before start().
    void ask(core::ShardIndex shard, core::SessionId session, std::vector<core::MessageId> ids);
    std::optional<core::LoadedMessages> take_loaded();

    core::StoreTicket durable(core::ShardIndex shard) const;
    // What on_fatal() was told; "" as long as all is well.
    std::string fatal() const;

    // Everything recovered, messages loaded, one sorted line each; nothing if the store failed.
    std::optional<std::string> dump();

private:
    void take(core::ShardIndex shard, core::StoreNews news);
    std::optional<std::string> dump_session(core::ShardIndex shard,
                                            const core::RecoveredSession& session);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<core::StoreTicket> next_ticket_;
    std::vector<core::StoreTicket> durable_;
    std::vector<core::LoadedMessages> loaded_;
    std::string fatal_;
    bool refuses_ = false;
    std::vector<core::RecoveredState> recovered_;
    std::unique_ptr<store::SqliteStore> store_;
};

// One line for each thing that is kept, the same for the harness and for the model.
std::string text_of(const core::MessageRef& message);
std::string text_of(const core::RecoveredSession& session);
std::string text_of(core::SessionId session, const core::RecoveredSubscription& subscription);
std::string text_of(const core::WillPut& will);
std::string text_of_incoming(core::SessionId session, protocol::PacketId packet_id);
std::string text_of_queued(core::SessionId session, core::MessageId id, std::uint32_t terms,
                           const std::vector<std::uint32_t>& identifiers,
                           const core::MessageRef& message);
std::string text_of_inflight(core::SessionId session, std::size_t place,
                             protocol::PacketId packet_id, const std::string& message);
std::string text_of(const core::RecoveredRetained& retained);
// The first line that differs; "" if none does.
std::string difference(const std::optional<std::string>& actual, const std::string& expected);
// Sorted, one a line.
std::string join_sorted(std::vector<std::string> lines);

}  // namespace martlet::testing
