// From a publication to everybody it is for.
#include <bit>
#include <utility>

#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::QoS;

// This shard's own subscribers, and the message to the other shards that may have some or keep it.
// `sequence` is not 0 when an acknowledgement waits for the others' confirmation.
RouteOutcome Shard::route(Publication& publication, std::uint64_t sequence) {
    RouteOutcome outcome = route_here(publication, {sequence, false});
    if (shard_count_ > 1) {
        Interest::Shards interested =
            interest_.shards_for(publication.topic(), publication.topic_hash(topic_hash_));
        if (publication.retain()) {
            interested |= Interest::bit(shard_of_topic(publication.topic()));
        }
        outcome.sent_to |= route_to_peers(interested, publication, sequence);
    }
    return outcome;
}

// To whom of them: all but this shard itself.
Interest::Shards Shard::route_to_peers(Interest::Shards interested, Publication& publication,
                                       std::uint64_t sequence) {
    Interest::Shards sent = 0;
    const auto send = [&](ShardIndex shard) {
        sent |= Interest::bit(shard);
        send_publication(shard, publication, sequence);
        if (sequence != 0) {
            peers_.note_sent(shard, sequence);
        }
    };
    for (Interest::Shards rest = interested; rest != 0; rest &= rest - 1) {
        // All that share the bit.
        for (std::size_t shard = static_cast<unsigned>(std::countr_zero(rest));
             shard < shard_count_; shard += Interest::shards_max) {
            if (shard != index_) {
                send(static_cast<ShardIndex>(shard));
            }
        }
    }
    return sent;
}

RouteOutcome Shard::route_here(Publication& publication, Waiter waiter) {
    RouteOutcome outcome;
    if (publication.retain() && shard_of_topic(publication.topic()) == index_) {
        keep_retained(publication);
    }
    matched_lists_.clear();
    subscriptions_.match(
        publication.topic(), publication.topic_hash(topic_hash_),
        [this](FilterKey, std::span<const Subscriber> list) { matched_lists_.push_back(list); });
    begin_fan_out();
    if (matched_lists_.size() == 1) {
        // A session is on one filter at most once, so there is nothing to merge.
        for (const Subscriber& subscriber : matched_lists_.front()) {
            deliver_to(subscriber, publication, outcome);
        }
    } else if (!matched_lists_.empty()) {
        route_to_matches(publication, outcome);
    }
    fans_out_ = false;
    route_to_groups(publication, outcome, waiter);
    record_targets(publication);
    return outcome;
}

void Shard::deliver_to(const Subscriber& subscriber, Publication& publication,
                       RouteOutcome& outcome) {
    Session& session = sessions_[subscriber.session];
    if (subscriber.no_local() && session.id == publication.origin().session) {
        return;  // [v5 MQTT-3.8.3-3]
    }
    // The RETAIN flag tells old news from new, unless asked to be left as published [v3.1.1
    // MQTT-3.3.1-9] [v5 MQTT-3.3.1-12] [v5 MQTT-3.3.1-13].
    const bool retain = subscriber.retain_as_published() && publication.retain();
    const DeliveryTerms terms = DeliveryTerms::make(
        protocol::lower_of(publication.qos(), subscriber.qos()), retain, subscriber.identifier());
    deliver_live(session, publication, terms, outcome);
}

void Shard::deliver_live(Session& session, Publication& publication, DeliveryTerms terms,
                         RouteOutcome& outcome) {
    ++outcome.matched;
    work_ += fans_out_ ? 0 : 1;
    if (session.retained_streams != 0 && publication.retain()) {
        supersede_retained(session, publication.topic());
    }
    const Delivered delivered = deliver(session, publication, terms);
    if (delivered == Delivered::refused) {
        ++outcome.refused;
    }
    if (fans_out_ && delivered == Delivered::sent) {
        note_fan_out(publication);
    }
}

// Several filters match: a client with overlapping subscriptions gets one message, at the highest
// QoS [v3.1.1 MQTT-3.3.5-1] and, in v5, with the identifiers of all of them [v5 MQTT-3.3.4-3].
void Shard::route_to_matches(Publication& publication, RouteOutcome& outcome) {
    ++match_pass_;
    matches_.clear();
    match_identifiers_.clear();
    for (const std::span<const Subscriber> list : matched_lists_) {
        for (const Subscriber& subscriber : list) {
            Session& session = sessions_[subscriber.session];
            if (subscriber.no_local() && session.id == publication.origin().session) {
                continue;
            }
            if (session.match_pass != match_pass_) {
                session.match_pass = match_pass_;
                session.match_index = static_cast<std::uint32_t>(matches_.size());
                matches_.push_back({subscriber, false});
                continue;
            }
            merge_match(matches_[session.match_index], session.match_index, subscriber);
        }
    }
    for (std::uint32_t i = 0; i < matches_.size(); ++i) {
        const Match& match = matches_[i];
        if (!match.several) {
            deliver_to(match.subscriber, publication, outcome);
            continue;
        }
        Session& session = sessions_[match.subscriber.session];
        DeliveryExtras extras;
        for (const auto& [index, identifier] : match_identifiers_) {
            if (index == i) {
                extras.identifiers.push_back(identifier);
            }
        }
        const DeliveryTerms terms = DeliveryTerms::with_extras(
            protocol::lower_of(publication.qos(), match.subscriber.qos()),
            match.subscriber.retain_as_published() && publication.retain(),
            add_extras(session, std::move(extras)));
        deliver_live(session, publication, terms, outcome);
    }
}

void Shard::merge_match(Match& match, std::uint32_t index, const Subscriber& other) {
    const std::uint32_t mine = match.subscriber.identifier();
    const std::uint32_t theirs = other.identifier();
    if (mine != 0 && theirs != 0) {
        if (!match.several) {
            match.several = true;
            match_identifiers_.emplace_back(index, mine);
        }
        match_identifiers_.emplace_back(index, theirs);
    }
    const QoS qos = protocol::to_wire(match.subscriber.qos()) < protocol::to_wire(other.qos())
                        ? other.qos()
                        : match.subscriber.qos();
    protocol::SubscriptionOptions options;
    options.qos = qos;
    options.retain_as_published =
        match.subscriber.retain_as_published() || other.retain_as_published();
    match.subscriber = Subscriber::make(match.subscriber.session, match.subscriber.index, options,
                                        mine != 0 ? mine : theirs);
}

void Shard::route_to_groups(Publication& publication, RouteOutcome& outcome, Waiter waiter) {
    groups_.choose_for(publication.topic(), limits_.inflight_max,
                       [&](const SharedGroups::Choice& choice) {
                           if (choice.member != nullptr) {
                               ++outcome.matched;
                               send_shared(choice, publication, outcome, waiter);
                           }
                       });
}

// [v3.1.1 MQTT-3.3.1-5] [v3.1.1 MQTT-3.3.1-10]: an empty payload deletes. One that does not fit
// leaves nothing of its topic behind: what was kept is not the last message any more [v3.1.1
// MQTT-3.3.1-7].
void Shard::keep_retained(Publication& publication) {
    // At QoS 0 nobody hears that it was not kept; at the others the publisher was refused before.
    if (store_refuses_ && publication.qos() == QoS::at_most_once &&
        !publication.topic().starts_with("$SYS/")) [[unlikely]] {
        ++counters_.dropped_store_full;
        return;
    }
    if (publication.payload().empty()) {
        erase_retained(publication.topic());
        return;
    }
    const MessageRef message = publication.message();
    const Retained* known = retained_.find(message->topic());
    if (!fits_retained(*message)) {
        erase_retained(message->topic());
        ++counters_.dropped_retained_full;
        if (!std::exchange(retained_full_logged_, true)) {
            log_.on_drop({{}, message->topic(), "too many retained messages"});
        }
        return;
    }
    retained_full_logged_ = false;
    RetainedId stored = known == nullptr ? 0 : known->stored;
    // What the broker says of itself is soon said again.
    if (keeps_records_ && !message->topic().starts_with("$SYS/")) {
        stored = stored != 0 ? stored : retained_ids_.take();
        record(RetainedPut{stored, message});
    }
    retained_.set(message->topic(), {message, stored});
}

void Shard::erase_retained(std::string_view topic) {
    const Retained erased = retained_.erase(topic);
    if (erased.stored != 0) {
        record(RetainedErased{erased.stored});
    }
}

bool Shard::fits_retained(const Message& message) const {
    const Retained* known = retained_.find(message.topic());
    if (known == nullptr && is_memory_tight_) {
        return false;
    }
    const std::uint64_t others = retained_.count() - (known == nullptr ? 0 : 1);
    const std::uint64_t bytes =
        retained_.bytes() - (known == nullptr ? 0 : known->message->memory_size());
    return (limits_.retained_messages_max == 0 || others < limits_.retained_messages_max) &&
           (limits_.retained_bytes_max == 0 ||
            bytes + message.memory_size() <= limits_.retained_bytes_max);
}

}  // namespace martlet::core
