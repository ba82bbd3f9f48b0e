// Publications at QoS 2 that sessions of several shards store: all of them or none.
//
// A publisher that was not answered sends again after a crash. Were its message stored by some of
// the shards by then, their sessions would get it twice. So each shard's part waits in the store
// until all have been submitted (each shard has confirmed), and then all become durable in one
// transaction, together with the publisher's Packet Identifier.
#include <utility>

#include "server/core/shard.hpp"

namespace martlet::core {

// What the message is a part of, while that is not complete.
PublicationKey Shard::part_of(MessageId stored) {
    while (!parts_.empty() && is_complete(parts_.front().of)) {
        parts_.pop_front();
    }
    if (stored == stored_.id) {
        return stored_.part_of();
    }
    std::size_t first = 0;
    std::size_t last = parts_.size();
    while (first < last) {
        const std::size_t middle = first + (last - first) / 2;
        if (parts_[middle].stored < stored) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return first < parts_.size() && parts_[first].stored == stored ? parts_[first].of
                                                                   : PublicationKey{};
}

// `pubrec` is about to be queued.
void Shard::await_parts(const Session& session, const Answer& pubrec) {
    Completion completion;
    completion.sequence = pubrec.sequence;
    completion.answer = answers_gone_ + answers_.size();
    completion.slot = session.slot;
    completion.session = session.id;
    completion.packet_id = pubrec.packet_id;
    incomplete_.push_back(completion);
}

void Shard::complete_publications() {
    if (incomplete_.empty()) {
        return;
    }
    const std::uint64_t confirmed = peers_.confirmed();
    while (!incomplete_.empty() && incomplete_.front().sequence <= confirmed) {
        Completion completion = incomplete_.front();
        incomplete_.pop_front();
        record(PublicationComplete{{index_, completion.sequence}});
        const Session* session = sessions_.get(completion.slot);
        if (session != nullptr && session->id == completion.session) {
            record(IncomingQos2Put{completion.session, completion.packet_id});
        }
        completion.ticket = next_ticket_;
        want(next_ticket_);
        answers_[static_cast<std::size_t>(completion.answer - answers_gone_)].ticket = next_ticket_;
        completing_.push_back(completion);
    }
}

void Shard::tell_completed() {
    std::uint64_t completed = 0;
    while (!completing_.empty() && completing_.front().ticket <= durable_) {
        completed = completing_.front().sequence;
        completing_.pop_front();
    }
    if (completed == 0) {
        return;
    }
    peers_.set_completed(index_, completed);
    send_to_all(CompleteItem{completed});
}

}  // namespace martlet::core
