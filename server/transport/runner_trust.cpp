// ShardRunner: what becomes of connections when their listener trusts others than before.
//
// Those that are open are looked at in slices, since each verification takes a moment and nobody is
// to wait for all of them. Those that are not open yet are looked at when they arrive where they
// belong (settle()), so none slips through between two shards.
#include <chrono>
#include <string>
#include <utility>

#include "server/core/shard.hpp"
#include "server/transport/shard_runner.hpp"

namespace martlet::transport {

namespace {

// Verifications in one go, some 100 us each, and the pause for others between two goes.
constexpr std::size_t reviews_per_slice = 16;
constexpr core::Duration pause_between_slices = std::chrono::milliseconds(1);
// Connections without a certificate cost next to nothing.
constexpr std::size_t slots_per_slice = 4096;

}  // namespace

void ShardRunner::set_trust(std::vector<std::shared_ptr<const TlsContext>> contexts) {
    trust_ = std::move(contexts);
    review_next_ = 0;
    if (!is_reviewing_ && !by_slot_.empty()) {
        is_reviewing_ = true;
        run_at(now(), [](ShardRunner& runner) { runner.review_some(); });
    }
}

void ShardRunner::review_some() {
    std::size_t reviews = 0;
    for (std::size_t slots = 0; slots < slots_per_slice && reviews < reviews_per_slice; ++slots) {
        if (review_next_ >= by_slot_.size()) {
            is_reviewing_ = false;
            return;
        }
        const Connection* connection = by_slot_[review_next_++];
        if (connection == nullptr || connection->stage() != Stage::open ||
            !connection->stream().has_peer_certificate()) {
            continue;
        }
        ++reviews;
        const std::string why = connection->stream().why_distrusted_by(trust_);
        if (!why.empty()) {
            ++counters_.certificates_withdrawn;
            shard_->expel(connection->id(), "its certificate is no longer trusted: " + why, now());
        }
    }
    run_at(now() + pause_between_slices, [](ShardRunner& runner) { runner.review_some(); });
}

// Not open yet, so the core does not know it and has nothing to say to it.
bool ShardRunner::expel_if_distrusted(Connection& connection) {
    const std::string why = connection.stream().why_distrusted_by(trust_);
    if (why.empty()) {
        return false;
    }
    ++counters_.certificates_withdrawn;
    log_.on_closed_before_connect({connection.arrival().listener, connection.arrival().peer},
                                  "its certificate is no longer trusted: " + why);
    connection.set_stage(
        Stage::awaiting_connect);  // whence it came, the list it is in is that one's
    drop(connection);
    return true;
}

}  // namespace martlet::transport
