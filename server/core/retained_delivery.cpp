// Retained messages for new subscriptions: see retained_streams.hpp.
#include <algorithm>
#include <utility>

#include "protocol/topic.hpp"
#include "server/core/shard.hpp"

namespace martlet::core {

using protocol::QoS;

// [v3.1.1 MQTT-3.3.1-6] [v5 MQTT-3.3.1-9]
void Shard::start_retained(Session& session, std::string_view filter, std::uint32_t packed) {
    const bool exact = !protocol::has_wildcard(filter);
    const ShardIndex only = exact ? shard_of_topic(filter) : index_;
    if (exact && only == index_) {
        const Retained* retained = retained_.find(filter);
        if (retained != nullptr && retained->message->expires_at() <= now_) {
            erase_retained(filter);
        } else if (retained != nullptr) {
            deliver_retained(session, MessageRef(retained->message), packed);
        }
        return;
    }
    if (shard_count_ == 1 && retained_.count() == 0) {
        return;
    }
    RetainedStreams& all = retained_streams_;
    RetainedStream& stream = all.streams[++all.last_query];
    stream.query = all.last_query;
    stream.session = session.slot;
    stream.filter = filter;
    stream.packed = packed;
    for (ShardIndex shard = 0; shard < shard_count_; ++shard) {
        if (exact && shard != only) {
            continue;
        }
        stream.sources.push_back({shard, false, false});
    }
    // What is published while the others do not know of the filter comes here only from where it is
    // retained, so that has to be looked at afterwards.
    stream.begins_after = interest_sequence_;
    begin_stream(stream);
    ++session.retained_streams;
    retained_work_ = true;
}

void Shard::begin_stream(RetainedStream& stream) {
    if (!peers_.have_confirmed(stream.begins_after, Interest::all)) {
        return;
    }
    stream.has_begun = true;
    for (RetainedStream::Source& source : stream.sources) {
        source.asked = true;
        RetainedQueryItem query{stream.query, stream.filter};
        if (source.shard != index_) {
            send_to(source.shard, std::move(query));
        } else {
            on_retained_query(index_, query);
        }
    }
}

void Shard::deliver_retained(Session& session, const MessageRef& message, std::uint32_t packed) {
    if (message->expires_at() <= now_) {
        ++counters_.dropped_expired;
        return;
    }
    Subscriber subscriber{};
    subscriber.packed = packed;
    Publication publication(message);
    // RETAIN is set: this is what was known before the subscription [v3.1.1 MQTT-3.3.1-8].
    const DeliveryTerms terms = DeliveryTerms::make(
        protocol::lower_of(publication.qos(), subscriber.qos()), true, subscriber.identifier());
    deliver(session, publication, terms);
    record_targets(publication);
}

// Live news of a topic overtakes what a slice still has for it.
void Shard::supersede_retained(const Session& session, std::string_view topic) {
    for (auto& [query, stream] : retained_streams_.streams) {
        if (stream.session == session.slot && protocol::matches(stream.filter, topic)) {
            stream.superseded.emplace(topic);
        }
    }
}

// Those of one filter, or of all when it is empty.
void Shard::cancel_retained(Session& session, std::string_view filter) {
    if (session.retained_streams == 0) {
        return;
    }
    std::erase_if(retained_streams_.streams, [&](const auto& entry) {
        const RetainedStream& stream = entry.second;
        if (stream.session != session.slot || (!filter.empty() && stream.filter != filter)) {
            return false;
        }
        --session.retained_streams;
        for (const RetainedStream::Source& source : stream.sources) {
            if (source.done) {
                continue;
            }
            if (source.shard == index_) {
                on_retained_more(index_, {stream.query, true});
            } else {
                send_to(source.shard, RetainedMoreItem{stream.query, true});
            }
        }
        return true;
    });
}

// The subscription was replaced while its messages are under way: the rest goes out on its terms.
void Shard::update_retained(const Session& session, std::string_view filter, std::uint32_t packed) {
    for (auto& [query, stream] : retained_streams_.streams) {
        if (stream.session == session.slot && stream.filter == filter) {
            stream.packed = packed;
        }
    }
}

// A slice more fits: retained messages never fill a queue or an outbox.
bool Shard::has_room(const Session& session) {
    if (!session.is_connected()) {
        return false;
    }
    const Connection& connection = connections_[session.connection.slot];
    const std::size_t queue_max =
        std::min<std::size_t>(retained_slice_messages, limits_.queued_messages_max / 4 + 1);
    return !connection.connack_pending && session.queue.size() < queue_max &&
           session.queued_bytes <= limits_.queued_bytes_max / 4 &&
           connection.outbox.size() < write_low_water(limits_);
}

void Shard::feed_retained() {
    retained_work_ = false;
    for (auto it = retained_streams_.streams.begin(); it != retained_streams_.streams.end();) {
        it = feed_stream(it->second) ? retained_streams_.streams.erase(it) : std::next(it);
    }
}

// Hands over what is ready and asks for more; true when the stream is at its end.
bool Shard::feed_stream(RetainedStream& stream) {
    if (!stream.has_begun) {
        begin_stream(stream);
        return false;
    }
    Session& session = sessions_[stream.session];
    if (!has_room(session)) {
        return false;  // goes on with the pass in which the session has room again
    }
    while (!stream.ready.empty()) {
        const MessageRef message = std::move(stream.ready.front());
        stream.ready.pop_front();
        if (!stream.superseded.contains(std::string(message->topic()))) {
            deliver_retained(session, message, stream.packed);
        }
        if (!has_room(session)) {
            return false;
        }
    }
    bool finished = true;
    for (RetainedStream::Source& source : stream.sources) {
        finished = finished && source.done;
        if (source.done || source.asked) {
            continue;
        }
        source.asked = true;
        if (source.shard == index_) {
            on_retained_more(index_, {stream.query, false});
            retained_work_ = true;
        } else {
            send_to(source.shard, RetainedMoreItem{stream.query, false});
        }
    }
    if (finished) {
        --session.retained_streams;
    }
    return finished;
}

// --- this shard as a source ---

void Shard::on_retained_query(ShardIndex from, const RetainedQueryItem& item) {
    auto source = std::make_unique<RetainedSource>(retained_, item.filter);
    source->query = item.query;
    retained_streams_.sources.emplace(std::pair(from, item.query), std::move(source));
    on_retained_more(from, {item.query, false});
}

void Shard::on_retained_more(ShardIndex from, const RetainedMoreItem& item) {
    const auto found = retained_streams_.sources.find(std::pair(from, item.query));
    if (found == retained_streams_.sources.end()) {
        return;
    }
    if (item.cancel) {
        retained_streams_.sources.erase(found);
        return;
    }
    RetainedSliceItem slice;
    slice.query = item.query;
    fill_slice(found->second->cursor, slice);
    if (slice.done) {
        retained_streams_.sources.erase(found);
    }
    if (from == index_) {
        on_retained_slice(index_, slice);
    } else {
        send_to(from, std::move(slice));
    }
}

void Shard::fill_slice(RetainedMessages::Cursor& cursor, RetainedSliceItem& slice) {
    std::size_t budget = retained_slice_nodes;
    while (slice.messages.size() < retained_slice_messages) {
        RetainedMessages::Cursor::Next next = cursor.next(budget);
        switch (next.step) {
            case RetainedMessages::Cursor::Step::message:
                if (next.message->expires_at() <= now_) {
                    erase_retained(next.message->topic());  // [v5 section 3.3.1.3]
                } else {
                    slice.messages.push_back(std::move(next.message));
                }
                break;
            case RetainedMessages::Cursor::Step::pause:
                return;
            case RetainedMessages::Cursor::Step::done:
                slice.done = true;
                return;
        }
    }
}

void Shard::on_retained_slice(ShardIndex from, RetainedSliceItem& item) {
    const auto found = retained_streams_.streams.find(item.query);
    if (found == retained_streams_.streams.end()) {
        return;  // cancelled meanwhile
    }
    RetainedStream& stream = found->second;
    for (RetainedStream::Source& source : stream.sources) {
        if (source.shard == from) {
            source.asked = false;
            source.done = item.done;
        }
    }
    for (MessageRef& message : item.messages) {
        stream.ready.push_back(std::move(message));
    }
    retained_work_ = true;
}

}  // namespace martlet::core
