#include "tests/support/store_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "tests/support/store_harness.hpp"

namespace martlet::testing {

namespace {

constexpr std::uint32_t extras_bit = 8;
// Times are kept in milliseconds of the wall clock; these survive the translation.
constexpr core::Instant some_time = core::Instant{} + std::chrono::hours(1);

}  // namespace

std::uint64_t StoreModel::take_id() {
    const std::uint64_t id = next_id_;
    next_id_ += step_;
    return id;
}

core::MessageRef StoreModel::make_message() {
    const std::string topic = fmt::format("t/{}", random_.below(40));
    // Now and then larger than a page.
    const std::string payload =
        fmt::format("{}:", ++serial_) +
        std::string(random_.chance(20) ? random_.below(12'000) : random_.below(90), 'x');
    core::MessageParts parts;
    parts.topic = topic;
    parts.payload = protocol::as_bytes(payload);
    parts.qos = random_.chance(2) ? protocol::QoS::at_least_once : protocol::QoS::exactly_once;
    parts.retain = random_.chance(3);
    if (random_.chance(3)) {
        parts.expires_at = some_time + std::chrono::seconds(1'000'000 + random_.below(1000));
    }
    return core::Message::make(parts);
}

StoreModel::Session& StoreModel::any_session() {
    return std::next(sessions_.begin(),
                     static_cast<std::ptrdiff_t>(random_.below(sessions_.size())))
        ->second;
}

std::vector<core::StoreRecord> StoreModel::happen() {
    Records records;
    for (std::size_t left = 1 + random_.below(6); left > 0; --left) {
        if (sessions_.empty() || (sessions_.size() < 6 && random_.chance(8))) {
            begin_session(records);
            continue;
        }
        switch (random_.below(20)) {
            case 0:
                change_subscription(any_session(), records);
                break;
            case 1:
                change_will(any_session(), records);
                break;
            case 2:
                change_incoming(any_session(), records);
                break;
            case 3:
            case 4:
                change_retained(records);
                break;
            case 5:
                if (random_.chance(8)) {
                    end_session(records);
                }
                break;
            case 6:
            case 7:
            case 8:
            case 9:
                take_from_queue(any_session(), records);
                break;
            case 10:
            case 11:
            case 12:
            case 13:
                acknowledge(any_session(), records);
                break;
            default:
                publish(records);
                break;
        }
    }
    return records;
}

void StoreModel::begin_session(Records& to) {
    Session session;
    core::RecoveredSession& known = session.known;
    known.id = take_id();
    known.client_id = fmt::format("client-{}", known.id);
    known.owner.user_name = random_.chance(2) ? "" : "anna";
    known.owner.credential = random_.chance(2) ? "" : "a token";
    known.expiry_interval_s = static_cast<std::uint32_t>(random_.below(100'000));
    if (random_.chance(2)) {
        known.disconnected_at = some_time + std::chrono::milliseconds(random_.below(5000));
    }
    to.emplace_back(core::SessionPut{known.id, known.owner, known.client_id,
                                     known.expiry_interval_s, known.disconnected_at});
    sessions_.emplace(known.id, std::move(session));
}

void StoreModel::end_session(Records& to) {
    Session& session = any_session();
    const core::SessionId id = session.known.id;
    for (const Queued& each : session.queue) {
        to.emplace_back(core::MessageDone{each.id});
    }
    for (const Inflight& each : session.window) {
        if (!each.is_released) {
            to.emplace_back(core::MessageDone{each.queued.id});
        }
    }
    to.emplace_back(core::SessionErased{id});
    sessions_.erase(id);
}

void StoreModel::publish(Records& to) {
    core::MessagePut put;
    put.id = take_id();
    put.message = make_message();
    for (auto& [id, session] : sessions_) {
        if (!put.targets.empty() && random_.chance(2)) {
            continue;
        }
        Queued queued{put.id, static_cast<std::uint32_t>(1 + random_.below(2)), {}, put.message};
        if (random_.chance(5)) {
            const std::size_t count = 1 + random_.below(4);
            while (queued.identifiers.size() < count) {
                queued.identifiers.push_back(static_cast<std::uint32_t>(random_.below(300)));
            }
            queued.terms |= extras_bit | static_cast<std::uint32_t>(count) << 4U;
        }
        put.targets.push_back({id, queued.terms});
        if (!queued.identifiers.empty()) {
            std::vector<std::uint32_t>& all = put.rare.obtain().identifiers;
            all.insert(all.end(), queued.identifiers.begin(), queued.identifiers.end());
        }
        session.queue.push_back(std::move(queued));
    }
    to.emplace_back(std::move(put));
}

protocol::PacketId StoreModel::free_packet_id(const Session& session) {
    std::uint16_t id = static_cast<std::uint16_t>(1 + random_.below(60'000));
    while (std::any_of(session.window.begin(), session.window.end(), [&](const Inflight& each) {
        return protocol::to_wire(each.packet_id) == id;
    })) {
        ++id;
    }
    return protocol::PacketId{id};
}

void StoreModel::take_from_queue(Session& session, Records& to) {
    const std::size_t count = std::min(session.queue.size(), 1 + random_.below(5));
    for (std::size_t i = 0; i < count; ++i) {
        session.taken_through = session.queue[i].id;
        const protocol::PacketId packet_id = free_packet_id(session);
        session.window.push_back({std::move(session.queue[i]), packet_id, false});
    }
    session.queue.erase(session.queue.begin(),
                        session.queue.begin() + static_cast<std::ptrdiff_t>(count));
    record_window(session, to);
}

void StoreModel::acknowledge(Session& session, Records& to) {
    for (std::size_t left = random_.below(4); left > 0 && !session.window.empty(); --left) {
        const std::size_t place = random_.chance(2) ? 0 : random_.below(session.window.size());
        Inflight& inflight = session.window[place];
        const bool is_exactly_once = (inflight.queued.terms & 3U) == 2;
        if (!inflight.is_released) {
            to.emplace_back(core::MessageDone{inflight.queued.id});
        }
        if (is_exactly_once && !inflight.is_released) {
            inflight.is_released = true;
        } else {
            session.window.erase(session.window.begin() + static_cast<std::ptrdiff_t>(place));
        }
    }
    record_window(session, to);
}

void StoreModel::record_window(const Session& session, Records& to) {
    core::WindowPut put;
    put.session = session.known.id;
    put.taken_through = session.taken_through;
    for (const Inflight& each : session.window) {
        put.entries.push_back({each.queued.id, each.packet_id, each.is_released});
    }
    to.emplace_back(std::move(put));
}

void StoreModel::change_subscription(Session& session, Records& to) {
    const std::string filter = fmt::format("f/{}/#", random_.below(8));
    if (session.subscriptions.count(filter) != 0 && random_.chance(2)) {
        session.subscriptions.erase(filter);
        to.emplace_back(core::SubscriptionErased{session.known.id, filter});
        return;
    }
    core::RecoveredSubscription made{
        filter,
        {static_cast<protocol::QoS>(random_.below(3)), random_.chance(2), random_.chance(2),
         static_cast<protocol::RetainHandling>(random_.below(3))},
        static_cast<std::uint32_t>(random_.below(1000))};
    to.emplace_back(core::SubscriptionPut{session.known.id, filter, made.options, made.identifier});
    session.subscriptions[filter] = std::move(made);
}

void StoreModel::change_will(Session& session, Records& to) {
    if (session.known.will && random_.chance(2)) {
        session.known.will.reset();
        to.emplace_back(core::WillErased{session.known.id});
        return;
    }
    core::WillPut will{session.known.id, make_message(), 7, 0, random_.chance(2)};
    will.message_expiry_interval_s = will.has_message_expiry ? 99 : 0;
    session.known.will = will;
    to.emplace_back(std::move(will));
}

void StoreModel::change_incoming(Session& session, Records& to) {
    const auto packet_id = protocol::PacketId{static_cast<std::uint16_t>(1 + random_.below(9))};
    std::vector<protocol::PacketId>& known = session.known.incoming_qos2;
    if (std::erase(known, packet_id) != 0) {
        to.emplace_back(core::IncomingQos2Erased{session.known.id, packet_id});
    } else {
        known.push_back(packet_id);
        to.emplace_back(core::IncomingQos2Put{session.known.id, packet_id});
    }
}

void StoreModel::change_retained(Records& to) {
    if (!retained_.empty() && random_.chance(3)) {
        const core::RetainedId id = retained_.begin()->first;
        retained_.erase(id);
        to.emplace_back(core::RetainedErased{id});
        return;
    }
    const bool is_known = !retained_.empty() && random_.chance(2);
    const core::RetainedId id = is_known ? retained_.rbegin()->first : take_id();
    retained_[id] = make_message();
    to.emplace_back(core::RetainedPut{id, retained_[id]});
}

std::string StoreModel::session_lines(const Session& session) {
    const core::SessionId id = session.known.id;
    std::vector<std::string> lines{text_of(session.known)};
    for (const auto& [filter, subscription] : session.subscriptions) {
        lines.push_back(text_of(id, subscription));
    }
    if (session.known.will) {
        lines.push_back(text_of(*session.known.will));
    }
    for (const protocol::PacketId each : session.known.incoming_qos2) {
        lines.push_back(text_of_incoming(id, each));
    }
    const auto queued = [id](const Queued& each) {
        return text_of_queued(id, each.id, each.terms, each.identifiers, each.message);
    };
    for (std::size_t place = 0; place < session.window.size(); ++place) {
        const Inflight& each = session.window[place];
        lines.push_back(text_of_inflight(id, place, each.packet_id,
                                         each.is_released ? "released" : queued(each.queued)));
    }
    for (const Queued& each : session.queue) {
        lines.push_back(queued(each));
    }
    return join_sorted(std::move(lines));
}

std::vector<std::string> StoreModel::lines() const {
    std::vector<std::string> lines;
    for (const auto& [id, session] : sessions_) {
        lines.push_back(session_lines(session));
    }
    for (const auto& [id, message] : retained_) {
        lines.push_back(text_of(core::RecoveredRetained{id, message}) + "\n");
    }
    return lines;
}

}  // namespace martlet::testing
