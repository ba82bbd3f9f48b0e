#include "server/store/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/store/batch_codec.hpp"
#include "server/store/retained_recovery.hpp"
#include "server/store/row_codec.hpp"
#include "server/store/row_scan.hpp"
#include "server/store/schema.hpp"

namespace martlet::store {

namespace {

// Subscription Identifiers of a delivery that is in the window, until all windows are known.
struct WindowExtras {
    std::size_t place = 0;
    std::vector<std::uint32_t> identifiers;
};

// Where a session is while the rows about it come in, table by table.
struct SessionPlace {
    core::ShardIndex shard = 0;
    std::uint32_t index = 0;
    bool has_window = false;
    bool is_ascending = true;  // the window, by message: as it is unless a client takes its time
};

class Scan {
public:
    Scan(Connection& connection, const RecoveryOptions& options, Recovered& to)
        : connection_(connection), rows_(connection), options_(options), to_(to) {
        to_.shards.resize(options.shard_count);
    }

    std::optional<RecoveryProblem> run() {
        RetainedRecovery retained(connection_, options_);
        const bool is_done = read_marks() && read_sessions() && read_subscriptions() &&
                             read_wills() && read_incoming() && read_windows() && read_messages();
        if (!is_done) {
            return rows_.problem();
        }
        for (RetainedRows& part : retained.finish()) {
            if (part.problem) {
                return part.problem;
            }
            take_retained(part);
        }
        place_window_extras();
        finish_windows();
        if (!delete_leftovers("message", unwanted_messages_) ||
            !delete_leftovers("retained", expired_retained_)) {
            return rows_.problem();
        }
        for (core::RecoveredState& shard : to_.shards) {
            shard.session_id_max = to_.marks.session;
            shard.message_id_max = to_.marks.message;
            shard.retained_id_max = to_.marks.retained;
        }
        return std::nullopt;
    }

private:
    core::RecoveredSession& at(const SessionPlace& place) {
        return to_.shards[place.shard].sessions[place.index];
    }
    // Null: it is gone, and what is left of it means nothing.
    SessionPlace* find(core::SessionId session) {
        const auto found = places_.find(session);
        return found == places_.end() ? nullptr : &found->second;
    }

    bool read_marks() {
        const auto read = [this](std::string_view key, std::uint64_t& to) {
            const std::optional<std::int64_t> value = get_meta(connection_, key);
            to = static_cast<std::uint64_t>(value.value_or(0));
            return value.has_value();
        };
        if (read(meta_session_id, to_.marks.session) && read(meta_message_id, to_.marks.message) &&
            read(meta_retained_id, to_.marks.retained)) {
            return true;
        }
        return rows_.fail_reading("meta");
    }

    bool read_sessions() {
        return rows_.each_intact_row(session_table, "", [this](const Statement& row) {
            core::RecoveredSession session;
            session.id = row.id(1);
            session.owner = owner_from_text(row.text(2));
            session.client_id = row.text(3);
            session.expiry_interval_s = static_cast<std::uint32_t>(row.integer(4));
            session.disconnected_at = options_.clock.to_instant(integer_or_none(row, 5));
            const core::ShardIndex shard = options_.shard_of_session(session.client_id);
            std::vector<core::RecoveredSession>& sessions = to_.shards[shard].sessions;
            places_[session.id] = {shard, static_cast<std::uint32_t>(sessions.size()), false, true};
            to_.marks.session = std::max(to_.marks.session, session.id);
            sessions.push_back(std::move(session));
            return true;
        });
    }

    bool read_subscriptions() {
        return rows_.each_intact_row(subscription_table, "", [this](const Statement& row) {
            const auto options = unpack_options(row.integer(3));
            if (const SessionPlace* place = find(row.id(1)); place != nullptr && options) {
                at(*place).subscriptions.push_back({std::string(row.text(2)), *options,
                                                    static_cast<std::uint32_t>(row.integer(4))});
            }
            return options.has_value();
        });
    }

    bool read_wills() {
        return rows_.each_intact_row(will_table, "", [this](const Statement& row) {
            const SessionPlace* place = find(row.id(1));
            if (place == nullptr) {
                return true;
            }
            core::WillPut will;
            will.session = row.id(1);
            will.message = read_message(row, will_columns, options_.clock);
            will.delay_interval_s = static_cast<std::uint32_t>(row.integer(3));
            will.has_message_expiry = !row.is_null(4);
            will.message_expiry_interval_s = static_cast<std::uint32_t>(row.integer(4));
            const bool is_good = will.message != nullptr;
            at(*place).will = std::move(will);
            return is_good;
        });
    }

    bool read_incoming() {
        return rows_.each_intact_row(incoming_table, "", [this](const Statement& row) {
            if (const SessionPlace* place = find(row.id(1))) {
                at(*place).incoming_qos2.push_back(
                    protocol::PacketId{static_cast<std::uint16_t>(row.integer(2))});
            }
            return true;
        });
    }

    bool read_windows() {
        return rows_.each_intact_row(inflight_table, "", [this](const Statement& row) {
            SessionPlace* place = find(row.id(1));
            if (place == nullptr) {
                return true;
            }
            const auto entries = decode_window(row.bytes(3));
            if (!entries) {
                return false;
            }
            core::RecoveredSession& session = at(*place);
            session.taken_through = row.id(2);
            // Not only of rows: a later message must be beyond every window.
            to_.marks.message = std::max(to_.marks.message, session.taken_through);
            for (const core::WindowEntry& entry : *entries) {
                place->is_ascending =
                    place->is_ascending && (session.window.empty() ||
                                            session.window.back().delivery.message < entry.message);
                core::RecoveredInflight inflight;
                inflight.delivery.message = entry.message;
                inflight.packet_id = entry.packet_id;
                inflight.is_released = entry.is_released;
                session.window.push_back(inflight);
            }
            place->has_window = !entries->empty();
            return true;
        });
    }

    // Without the checksum, which would need the payload: the pages have theirs.
    bool read_messages() {
        return rows_.each_row(message_table, "SELECT 0,id,targets,size FROM message ORDER BY id",
                              [this](const Statement& row) { return take_message(row); });
    }

    bool take_message(const Statement& row) {
        const core::MessageId id = row.id(1);
        const std::uint32_t size = memory_size(row.integer(3));
        std::size_t left = 0;
        TargetReader targets(row.bytes(2));
        while (const auto next = targets.next()) {
            if (SessionPlace* place = find(next->target.session)) {
                left += place_delivery(*place, {id, next->target.terms, size}, next->identifiers);
            }
        }
        to_.marks.message = std::max(to_.marks.message, id);
        if (left == 0) {
            unwanted_messages_.push_back(id);
        }
        to_.references.add(id, left);
        return !targets.failed();
    }

    // 1 if the session is not done with the message.
    std::size_t place_delivery(SessionPlace& place, const core::RecoveredDelivery& delivery,
                               std::span<const std::uint32_t> identifiers) {
        core::RecoveredSession& session = at(place);
        if (delivery.message > session.taken_through) {
            session.queue.push_back(delivery);
            session.identifiers.insert(session.identifiers.end(), identifiers.begin(),
                                       identifiers.end());
            return 1;
        }
        const auto found = find_in_window(place, delivery.message);
        if (found == session.window.end() || found->is_released) {
            return 0;
        }
        found->delivery = delivery;
        if (!identifiers.empty()) {
            window_extras_[session.id].push_back(
                {static_cast<std::size_t>(found - session.window.begin()),
                 {identifiers.begin(), identifiers.end()}});
        }
        return 1;
    }

    std::vector<core::RecoveredInflight>::iterator find_in_window(const SessionPlace& place,
                                                                  core::MessageId message) {
        std::vector<core::RecoveredInflight>& window = at(place).window;
        if (place.is_ascending) {
            const auto found = std::lower_bound(
                window.begin(), window.end(), message,
                [](const auto& entry, core::MessageId id) { return entry.delivery.message < id; });
            return found != window.end() && found->delivery.message == message ? found
                                                                               : window.end();
        }
        return std::find_if(window.begin(), window.end(),
                            [&](const auto& entry) { return entry.delivery.message == message; });
    }

    // The window's identifiers go before the queue's, in the window's order.
    void place_window_extras() {
        for (auto& [id, extras] : window_extras_) {
            std::sort(extras.begin(), extras.end(),
                      [](const auto& a, const auto& b) { return a.place < b.place; });
            std::vector<std::uint32_t> all;
            for (const WindowExtras& each : extras) {
                all.insert(all.end(), each.identifiers.begin(), each.identifiers.end());
            }
            std::vector<std::uint32_t>& identifiers = at(places_[id]).identifiers;
            identifiers.insert(identifiers.begin(), all.begin(), all.end());
        }
    }

    // What is in flight without a message (a repair could not save it) is let go of.
    void finish_windows() {
        for (const auto& [id, place] : places_) {
            if (!place.has_window) {
                continue;
            }
            std::vector<core::RecoveredInflight>& window = at(place).window;
            for (core::RecoveredInflight& entry : window) {
                entry.delivery.message = entry.is_released ? 0 : entry.delivery.message;
            }
            std::erase_if(window, [](const core::RecoveredInflight& entry) {
                return !entry.is_released && entry.delivery.size == 0;
            });
        }
    }

    void take_retained(RetainedRows& part) {
        to_.marks.retained = std::max(to_.marks.retained, part.id_max);
        expired_retained_.insert(expired_retained_.end(), part.expired.begin(), part.expired.end());
        for (std::size_t shard = 0; shard < part.by_shard.size(); ++shard) {
            std::vector<core::RecoveredRetained>& all = to_.shards[shard].retained;
            all.insert(all.end(), std::make_move_iterator(part.by_shard[shard].begin()),
                       std::make_move_iterator(part.by_shard[shard].end()));
        }
    }

    bool delete_leftovers(std::string_view table, const std::vector<std::uint64_t>& ids) {
        if (ids.empty()) {
            return true;
        }
        Statement remove;
        bool is_good =
            connection_.execute("BEGIN IMMEDIATE") == SQLITE_OK &&
            connection_.prepare(fmt::format("DELETE FROM {} WHERE id=?1", table), remove);
        for (std::size_t i = 0; is_good && i < ids.size(); ++i) {
            remove.bind(1, static_cast<std::int64_t>(ids[i]));
            is_good = remove.run() == SQLITE_OK;
        }
        if (is_good && connection_.execute("COMMIT") == SQLITE_OK) {
            return true;
        }
        if ((connection_.extended_error() & 0xFF) == SQLITE_FULL) {
            // They do no harm; there may be room at the next start.
            remove = Statement();
            return !connection_.is_in_transaction() || connection_.execute("ROLLBACK") == SQLITE_OK;
        }
        return rows_.fail_reading(table);
    }

    Connection& connection_;
    RowScan rows_;
    const RecoveryOptions& options_;
    Recovered& to_;
    boost::unordered_flat_map<core::SessionId, SessionPlace> places_;
    boost::unordered_flat_map<core::SessionId, std::vector<WindowExtras>> window_extras_;
    std::vector<core::MessageId> unwanted_messages_;
    std::vector<core::RetainedId> expired_retained_;
};

}  // namespace

std::optional<RecoveryProblem> recover(Connection& connection, const RecoveryOptions& options,
                                       Recovered& to) {
    return Scan(connection, options, to).run();
}

}  // namespace martlet::store
