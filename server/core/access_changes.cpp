// Rights that change while clients are connected: after a reload everybody is asked about once
// more, and a credential ends when its time is over.
//
// A session remembers in which epoch of the rights it was proved that its subscriptions match
// nothing but what it may read; in that epoch nothing is asked for each message. A change begins a
// new epoch, so nothing is taken for proved any more; the proofs are made anew, some in each pass.
#include <algorithm>

#include "server/core/shard.hpp"
#include "server/core/timer_kinds.hpp"

namespace martlet::core {

namespace {

// Questions about rights in one pass: some tens of microseconds.
constexpr std::size_t questions_per_pass = 512;

}  // namespace

void Shard::on_access_changed(Instant now) {
    now_ = now;
    ++access_epoch_;
    next_reviewed_ = 0;
}

void Shard::review_access() {
    std::size_t questions = 0;
    while (next_reviewed_ < sessions_.end() && questions < questions_per_pass) {
        if (Session* session = sessions_.get(next_reviewed_)) {
            questions += 1 + session->subscriptions.size() + session->shared_subscriptions.size();
            review_access(*session);
        }
        ++next_reviewed_;
    }
}

// A subscription that may match nothing any more stays where it is, and what it matches is not
// delivered; its client is sent away so that it hears of it. The session may be gone afterwards.
void Shard::review_access(Session& session) {
    prove_rights(session);
    if (!session.is_connected()) {
        return;
    }
    Connection& connection = connections_[session.connection.slot];
    if (!access_.may_stay(session.owner, connection.info)) {
        end_rights(connection, "its login is not valid any more");
    } else if (!may_keep_subscriptions(session)) {
        end_rights(connection, "a subscription is not permitted any more");
    }
}

bool Shard::may_keep_subscriptions(const Session& session) const {
    const auto may = [&](std::string_view filter) {
        return access_.may_subscribe(session.owner, session.client_id, filter);
    };
    return access_.permits_everything() ||
           (std::all_of(session.subscriptions.begin(), session.subscriptions.end(),
                        [&](const SubscriptionRecord& record) {
                            return may(subscriptions_.filter_text(record.key));
                        }) &&
            std::all_of(
                session.shared_subscriptions.begin(), session.shared_subscriptions.end(),
                [&](const SharedSubscriptionRecord& record) { return may(record.filter); }));
}

void Shard::prove_rights(Session& session) {
    session.rights_epoch = access_epoch_;
    for (const SubscriptionRecord& record : session.subscriptions) {
        if (!access_.permits_everything()) {
            note_filter(session, subscriptions_.filter_text(record.key));
        }
    }
    for (const SharedSubscriptionRecord& record : session.shared_subscriptions) {
        note_filter(session, record.filter);
    }
}

// The session subscribes to the filter too.
void Shard::note_filter(Session& session, std::string_view filter) {
    if (session.rights_epoch == access_epoch_ && !access_.permits_everything() &&
        !access_.may_read_all(session.owner, session.client_id, filter)) {
        session.rights_epoch = 0;
    }
}

// Where it has not been answered for all topics at once.
bool Shard::judge_read(const Session& session, std::string_view topic) const {
    return access_.permits_everything() ||
           access_.may_read(session.owner, session.client_id, topic);
}

// The identity a session has from now on: the same user, but perhaps proved in another way.
void Shard::renew_identity(Session& session, const Identity& identity) {
    if (session.owner.credential != identity.credential) {
        session.owner = identity;
        prove_rights(session);
    }
}

// While a client is connected its session does not expire: the timer is free for this.
void Shard::limit_rights(Session& session, std::optional<Duration> valid_for) {
    if (valid_for) {
        timers_.schedule(session.timer,
                         {static_cast<std::uint8_t>(TimerKind::rights_end), session.slot},
                         now_ + *valid_for);
    }
}

void Shard::end_rights(Connection& connection, std::string_view what) {
    ++counters_.rights_ended;
    close(connection, CloseReason::not_permitted, protocol::ReasonCode::not_authorized, what);
}

bool Shard::expel(ConnectionId id, std::string_view what, Instant now) {
    now_ = now;
    Connection* connection = find(id);
    if (connection == nullptr || connection->state == Connection::State::closing) {
        return false;
    }
    end_rights(*connection, what);
    return true;
}

}  // namespace martlet::core
