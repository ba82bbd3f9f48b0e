// What the store is told: gathered record by record, submitted batch by batch.
//
// A batch that nobody waits for is held back while an earlier one is on its way, so that what is
// said often (how far an inflight window has come) is said once for each of the store's commits.
#include <utility>

#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"

namespace martlet::core {

namespace {

// So many records are not held back, whoever waits for them or does not.
constexpr std::size_t gathered_records_max = 4096;
// Room that a batch begins with.
constexpr std::size_t batch_records_expected = 64;

}  // namespace

void Shard::record(StoreRecord record) {
    if (keeps_records_) {
        if (batch_.records.capacity() == 0) {
            batch_.records.reserve(batch_records_expected);
        }
        batch_.records.push_back(std::move(record));
    }
}

// The message that is being routed is for this session too. Its id in the store; 0 if it has none.
MessageId Shard::record_target(const Session& session, DeliveryTerms terms) {
    if (!is_kept(session)) {
        return 0;
    }
    if (stored_.id == 0) {
        stored_.id = message_ids_.take();
        if (part_of_) {
            stored_.rare.obtain().part_of = part_of_;
        }
    }
    if (terms.has_extras()) {
        // The group is not kept: after a restart the message is this member's.
        const std::vector<std::uint32_t>& identifiers =
            session.extras->by_key.at(terms.value()).identifiers;
        std::vector<std::uint32_t>& all = stored_.rare.obtain().identifiers;
        all.insert(all.end(), identifiers.begin(), identifiers.end());
        terms = DeliveryTerms::with_extras(terms.qos(), terms.retain(),
                                           static_cast<std::uint32_t>(identifiers.size()));
    }
    stored_.targets.push_back({session.id, terms.bits()});
    return stored_.id;
}

// One row for a message, however many sessions of this shard it is for.
void Shard::record_targets(Publication& publication) {
    if (stored_.id != 0) {
        stored_.message = publication.message();
        if (const PublicationKey part_of = stored_.part_of()) {
            parts_.push_back({stored_.id, part_of});
        }
        record(std::exchange(stored_, {}));
    }
}

void Shard::record_session(const Session& session, Instant disconnected_at) {
    if (is_kept(session)) {
        record(SessionPut{session.id, session.owner, session.client_id, session.expiry_interval_s,
                          disconnected_at});
    }
}

// Whoever begins a session under this Client Identifier must not hear of it before the end of the
// last one is durable: after a crash that one would be there again.
void Shard::note_ending(const std::string& client_id) {
    const StoreTicket ticket = latest_ticket();
    endings_[client_id] = ticket;
    ending_order_.push_back({ticket, client_id});
}

StoreTicket Shard::ending_of(const std::string& client_id) const {
    const auto found = endings_.find(client_id);
    return found == endings_.end() ? 0 : found->second;
}

void Shard::forget_endings() {
    while (!ending_order_.empty() && ending_order_.front().ticket <= durable_) {
        const auto found = endings_.find(ending_order_.front().client_id);
        if (found != endings_.end() && found->second <= durable_) {
            endings_.erase(found);
        }
        ending_order_.pop_front();
    }
}

// A will that ends with its connection needs no store: without a session it is not promised.
void Shard::record_will(const Session& session) {
    if (!is_kept(session)) {
        return;
    }
    if (!session.will) {
        record(WillErased{session.id});
        return;
    }
    const Will& will = *session.will;
    record(WillPut{session.id, will.message, will.delay_interval_s, will.message_expiry_interval_s,
                   will.has_message_expiry});
}

void Shard::mark_window(Session& session) {
    if (!session.is_window_dirty) {
        session.is_window_dirty = true;
        dirty_windows_.emplace_back(session.slot, session.id);
    }
}

void Shard::record_windows() {
    for (const auto& [slot, id] : std::exchange(dirty_windows_, {})) {
        Session* session = sessions_.get(slot);
        if (session == nullptr || session->id != id) {
            continue;
        }
        session->is_window_dirty = false;
        WindowPut window;
        window.session = id;
        window.taken_through = session->taken_through;
        window.entries.reserve(session->inflight.active());
        session->inflight.for_each([&](const InflightOut& entry) {
            const bool is_released = entry.state == InflightOut::State::awaiting_pubcomp;
            window.entries.push_back({entry.stored, entry.packet_id, is_released});
        });
        record(std::move(window));
    }
}

// The entry is sent once the store knows of it. At QoS 2 the client may never see one message under
// two Packet Identifiers, so the broker must remember after a crash which one it used.
void Shard::hold(Session& session, InflightOut& entry) {
    entry.sent = false;
    entry.is_held = true;
    ++session.inflight_held;
    held_.push_back(
        {session.slot, session.id, entry.packet_id, next_ticket_, part_of(entry.stored)});
    want(next_ticket_);
}

void Shard::submit_batch() {
    const bool is_urgent = wanted_ > urgent_through_;
    const bool is_idle = durable_ + 1 == next_ticket_;
    if (!is_urgent && !is_idle && loads_.empty() && batch_.records.size() < gathered_records_max) {
        return;
    }
    record_windows();
    if (is_urgent || !batch_.empty()) {
        batch_.is_urgent = is_urgent;
        urgent_through_ = is_urgent ? next_ticket_ : urgent_through_;
        store_.submit(next_ticket_++, std::exchange(batch_, {}));
    }
    for (LoadRequest& request : std::exchange(loads_, {})) {
        store_.load(std::move(request));
    }
}

}  // namespace martlet::core
