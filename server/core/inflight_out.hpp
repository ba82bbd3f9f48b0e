// The window of outgoing QoS>0 messages of one session, with their Packet Identifiers.
//
// Identifiers are handed out in ascending order (65,535 wraps to 1), so an entry is found by
// counting from the oldest one. An entry acknowledged out of turn stays as `done` until those
// before it are too. Invariant: active() <= size() <= 65,535 and the identifiers of all entries
// differ. Threading: its shard's thread only.
#pragma once

#include <cstdint>

#include "server/core/delivery.hpp"
#include "server/core/ring_queue.hpp"

namespace martlet::core {

class InflightWindow {
public:
    // Entries not done.
    std::size_t active() const { return active_; }
    bool empty() const { return active_ == 0; }
    // Room for another identifier; false only when one message was never acknowledged while 65,000
    // later ones were.
    bool can_add() const { return entries_.size() < span_max; }

    // Takes the next identifier. The reference is valid until the window changes.
    InflightOut& add(Delivery delivery, InflightOut::State state);
    // An entry with the identifier it had in an earlier run of the broker; oldest first, before any
    // add(). False: the identifiers do not make one window.
    [[nodiscard]] bool restore(InflightOut entry);
    // The unfinished entry with this identifier, or null.
    InflightOut* find(protocol::PacketId packet_id);
    // Marks an entry (from find()) done; its message is let go.
    void finish(InflightOut& entry);
    // The same while entries are being walked; drop_finished() afterwards.
    void finish_later(InflightOut& entry);
    void drop_finished();
    void clear();

    // All entries, oldest first; those in state `done` are holes.
    template <class F>
    void for_each(F&& f) {
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (entries_[i].state != InflightOut::State::done) {
                f(entries_[i]);
            }
        }
    }
    template <class F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (entries_[i].state != InflightOut::State::done) {
                f(entries_[i]);
            }
        }
    }

private:
    static constexpr std::size_t span_max = 65'000;

    std::uint16_t next_id();

    RingQueue<InflightOut> entries_;
    std::uint16_t last_id_ = 0;
    std::uint16_t active_ = 0;
};

}  // namespace martlet::core
