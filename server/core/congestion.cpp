// Back pressure: a subscriber that is behind slows its publishers down for a short, bounded time.
//
// Publishers of messages to a subscriber over its write limit are not read until it has caught up.
// One that does not catch up within Limits::lag_grace is lagging: its publishers go on, and what it
// misses at QoS 0 is counted as dropped, until it has caught up. So a subscriber that keeps reading
// loses nothing, and one that does not holds nobody up for longer than the grace.
#include <algorithm>

#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"

namespace martlet::core {

void Shard::congest(Connection& subscriber, const MessageOrigin& publisher) {
    if (subscriber.lagging) {
        return;
    }
    if (!subscriber.congested) {
        subscriber.congested = true;
        timers_.schedule(subscriber.lag_timer,
                         {static_cast<std::uint8_t>(TimerKind::lag), subscriber.id.slot},
                         now_ + limits_.lag_grace);
    }
    if (!publisher.connection) {
        return;  // the broker's own message, or a will
    }
    // Once is enough: messages that were on their way when it was paused name it again.
    const auto is_same = [&](const MessageOrigin& paused) {
        return paused.shard == publisher.shard && paused.connection == publisher.connection;
    };
    if (std::any_of(subscriber.paused_publishers.begin(), subscriber.paused_publishers.end(),
                    is_same)) {
        return;
    }
    subscriber.paused_publishers.push_back(publisher);
    if (publisher.shard == index_) {
        pause_publisher(publisher.connection);
    } else {
        send_to(publisher.shard, PauseItem{publisher.connection, true});
    }
}

// It has caught up, or its time is over (then lagging is set), or it is gone.
void Shard::relieve(Connection& subscriber) {
    subscriber.congested = false;
    timers_.cancel(subscriber.lag_timer);
    const std::vector<MessageOrigin> publishers = std::move(subscriber.paused_publishers);
    subscriber.paused_publishers.clear();
    for (const MessageOrigin& publisher : publishers) {
        if (publisher.shard == index_) {
            resume_publisher(publisher.connection);
        } else {
            send_to(publisher.shard, PauseItem{publisher.connection, false});
        }
    }
}

void Shard::notice_progress(Connection& subscriber) {
    if ((subscriber.congested || subscriber.lagging) && has_caught_up(subscriber)) {
        subscriber.lagging = false;
        subscriber.drop_logged = false;
        relieve(subscriber);
    }
}

bool Shard::has_caught_up(const Connection& subscriber) {
    if (subscriber.outbox.size() > write_low_water(limits_)) {
        return false;
    }
    const Session* session = session_of(subscriber);
    return session == nullptr || (session->queue.size() <= limits_.queued_messages_max / 4 &&
                                  session->queued_bytes <= limits_.queued_bytes_max / 4);
}

void Shard::pause_publisher(ConnectionId publisher) {
    if (Connection* connection = find(publisher)) {
        if (connection->pause_count++ == 0) {
            ++counters_.publishers_paused;
        }
        update_reading(*connection);
    }
}

void Shard::resume_publisher(ConnectionId publisher) {
    if (Connection* connection = find(publisher)) {
        if (connection->pause_count > 0) {
            --connection->pause_count;
        }
        update_reading(*connection);
    }
}

// A PUBLISH of so many bytes came.
void Shard::charge_rate(Connection& connection, std::size_t bytes) {
    if (!connection.rate) {
        connection.rate = std::make_unique<PublishRate>();
    }
    PublishRate& rate = *connection.rate;
    const Instant free_at = rate.take(bytes, limits_, now_);
    if (free_at > now_ && !rate.is_over) {
        rate.is_over = true;
        ++counters_.publishers_throttled;
        timers_.schedule(rate.timer,
                         {static_cast<std::uint8_t>(TimerKind::publish_rate), connection.id.slot},
                         free_at);
        update_reading(connection);
    }
}

// One place decides whether a connection's bytes are taken.
void Shard::update_reading(Connection& connection) {
    const bool stop = connection.pause_count != 0 || connection.deferred ||
                      connection.connack_pending || connection.publish_waits ||
                      (connection.rate && connection.rate->is_over) ||
                      connection.state == Connection::State::authenticating ||
                      connection.answers_pending >= limits_.receive_maximum;
    if (stop == connection.reading_stopped) {
        return;
    }
    connection.reading_stopped = stop;
    connection.last_received = now_;
    if (!stop && connection.state != Connection::State::closing) {
        port_.resume_reading(connection.id);
    }
}

}  // namespace martlet::core
