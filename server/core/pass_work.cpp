// How much is done and written in one pass, so that nobody waits long for what others ask.
//
// A pass that has done its work takes no more packets: who has sent more is deferred, and goes on
// in the next pass. What a publication has for many is written to a few of them in each pass; they
// take turns, apart from those that have something else to be told.
#include <algorithm>

#include "server/core/shard.hpp"

namespace martlet::core {

void Shard::defer(Connection& connection) {
    const bool is_over = connection.state == Connection::State::closing;
    if (connection.id == hurried_ || connection.deferred || is_over) {
        return;
    }
    connection.deferred = true;
    deferred_.push_back(connection.id);
    update_reading(connection);
}

void Shard::resume_deferred() {
    hurried_ = {};
    for (const ConnectionId id : std::exchange(deferred_, {})) {
        if (Connection* connection = find(id)) {
            connection->deferred = false;
            update_reading(*connection);
        }
    }
}

// Its client is about to take it over: what it has said comes first, all of it.
void Shard::hurry(Connection& earlier) {
    hurried_ = earlier.id;
    earlier.deferred = false;
    update_reading(earlier);
}

void Shard::mark_output(Connection& connection) {
    if (connection.output_pending) {
        return;
    }
    if (!fans_out_) {
        connection.output_pending = true;
        output_pending_.push_back(connection.id);
        work_ += write_work;
    } else if (!connection.fan_out_pending) {
        connection.fan_out_pending = true;
        fan_out_pending_.push_back(connection.id);
    }
}

void Shard::flush_outputs() {
    for (std::size_t i = 0; i < output_pending_.size(); ++i) {
        if (Connection* connection = find(output_pending_[i])) {
            connection->output_pending = false;
            if (!connection->outbox.empty()) {
                port_.flush(connection->id);
            }
        }
    }
    output_pending_.clear();
}

// The publication is about to be delivered to all that are in matched_lists_.
void Shard::begin_fan_out() {
    std::size_t subscribers = 0;
    for (const std::span<const Subscriber> list : matched_lists_) {
        subscribers += list.size();
    }
    fans_out_ = subscribers > fan_out_writes_per_pass;
    if (fans_out_) {
        work_ += static_cast<std::uint32_t>(subscribers / fan_out_deliveries_per_work);
    }
}

// It has been delivered to one more. A large payload is shared, so it takes no memory of theirs.
void Shard::note_fan_out(const Publication& publication) {
    const std::size_t payload = publication.payload().size();
    fan_out_bytes_ +=
        publication.topic().size() + (payload < Outbox::share_threshold ? payload : 0);
    while (fan_out_pending_.size() > fan_out_waiting_max ||
           (fan_out_bytes_ > fan_out_waiting_bytes_max && fan_out_pending_.size() > 1)) {
        flush_next_of_fan_out();
    }
}

// Returns how many bytes it has been given to write.
std::size_t Shard::flush_next_of_fan_out() {
    const ConnectionId id = fan_out_pending_.front();
    fan_out_pending_.pop_front();
    if (id == receiving_) {
        fan_out_pending_.push_back(id);  // its turn comes when its bytes have been taken
        return 0;
    }
    fan_out_bytes_ -= fan_out_bytes_ / (fan_out_pending_.size() + 1);
    Connection* connection = find(id);
    if (connection == nullptr) {
        return 0;
    }
    connection->fan_out_pending = false;
    const std::size_t size = connection->outbox.size();
    if (size != 0) {
        port_.flush(id);
    }
    return size;
}

void Shard::flush_fan_out() {
    if (!deferred_.empty() && fan_out_patience_ < fan_out_patience) {
        fan_out_patience_ += fan_out_pending_.empty() ? 0 : 1;
        return;
    }
    std::size_t bytes = 0;
    for (std::size_t writes = 0; !fan_out_pending_.empty() && writes < fan_out_writes_per_pass &&
                                 bytes < fan_out_bytes_per_pass;) {
        const std::size_t size = flush_next_of_fan_out();
        writes += size == 0 ? 0 : 1;
        bytes += size;
    }
    if (fan_out_pending_.empty()) {
        fan_out_patience_ = 0;
    }
}

}  // namespace martlet::core
