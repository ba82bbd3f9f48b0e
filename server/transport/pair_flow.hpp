// Back pressure between two shards: how much of what one has published is still on its way to the
// other.
//
// The rule. A sender counts what it has pushed to a receiver and the receiver counts what it has
// taken. While more than `high_water` is between the two, the sender does not read the connections
// whose publishes go there; it reads them again once less than `low_water` is left. Taking mail
// never waits for anything, so two shards that hold back for each other cannot block each other:
// what is on its way is taken, and then both go on. What a mailbox holds is so bounded by
// high_water plus what one pass reads.
//
// The receiver wakes the sender: the sender leaves word from which count on it wants to hear of it,
// then looks once more; the receiver counts, then looks whether word was left. One of them sees the
// other. Threading: shared, internally synchronised: sender side on one shard's thread, receiver
// side on another's. Invariant: taken <= sent.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace martlet::transport {

class alignas(64) PairFlow {
public:
    explicit PairFlow(std::uint64_t high_water) : high_water_(high_water) {}

    // --- the sender ---
    // True when the receiver is behind: hold the publishers; RelievedMail will come.
    bool send(std::size_t weight) {
        sent_ += weight;
        if (!behind_ && sent_ - taken_.load(std::memory_order_relaxed) > high_water_) {
            behind_ = true;
            ask_for_relief();
        }
        return behind_;
    }
    // RelievedMail has come. True when the receiver has caught up; else it has been asked again.
    bool relieved() {
        ask_for_relief();
        return !behind_;
    }
    bool is_behind() const { return behind_; }

    // --- the receiver ---
    // True when the sender is to be told.
    bool take(std::size_t weight) {
        const std::uint64_t taken = taken_.load(std::memory_order_relaxed) + weight;
        taken_.store(taken, std::memory_order_seq_cst);
        return taken >= asked_at_.load(std::memory_order_seq_cst) &&
               asked_at_.exchange(not_asked, std::memory_order_seq_cst) != not_asked;
    }

private:
    static constexpr std::uint64_t not_asked = std::numeric_limits<std::uint64_t>::max();

    void ask_for_relief() {
        const std::uint64_t enough = sent_ - high_water_ / 2;
        asked_at_.store(enough, std::memory_order_seq_cst);
        if (taken_.load(std::memory_order_seq_cst) >= enough &&
            asked_at_.exchange(not_asked, std::memory_order_seq_cst) != not_asked) {
            behind_ = false;  // caught up meanwhile, and the receiver has not seen the question
        }
    }

    const std::uint64_t high_water_;  // bytes of messages
    std::uint64_t sent_ = 0;
    bool behind_ = false;
    // On a cache line of their own: both sides look at these.
    alignas(64) std::atomic<std::uint64_t> taken_{0};
    std::atomic<std::uint64_t> asked_at_{not_asked};
};

}  // namespace martlet::transport
