#include "tests/support/store_harness.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <sstream>

#include "tests/support/fault_vfs.hpp"

namespace martlet::testing {

namespace {

constexpr std::uint32_t extras_bit = 8;

std::vector<std::uint32_t> take_identifiers(std::vector<std::uint32_t>& from, std::uint32_t terms) {
    const auto count = static_cast<std::ptrdiff_t>((terms & extras_bit) != 0 ? terms >> 4U : 0);
    std::vector<std::uint32_t> taken(from.begin(), from.begin() + count);
    from.erase(from.begin(), from.begin() + count);
    return taken;
}

}  // namespace

std::string text_of(const core::MessageRef& message) {
    if (message == nullptr) {
        return "missing";
    }
    return fmt::format("{} q{} r{} e{} [{}] p{}", message->topic(),
                       protocol::to_wire(message->qos()), message->retain() ? 1 : 0,
                       message->expires_at().time_since_epoch().count(),
                       protocol::as_text(message->payload()), message->properties().size());
}
std::string text_of(const core::RecoveredSession& session) {
    return fmt::format("session {} {} of '{}' {} s, left {}", session.id, session.client_id,
                       session.owner.user_name + session.owner.credential,
                       session.expiry_interval_s,
                       session.disconnected_at.time_since_epoch().count());
}
std::string text_of(core::SessionId session, const core::RecoveredSubscription& subscription) {
    return fmt::format(
        "subscription {} {} {}{}{}{} {}", session, subscription.filter,
        protocol::to_wire(subscription.options.qos), subscription.options.no_local ? "n" : "",
        subscription.options.retain_as_published ? "p" : "",
        static_cast<int>(subscription.options.retain_handling), subscription.identifier);
}
std::string text_of(const core::WillPut& will) {
    return fmt::format("will {} {} {} {}: {}", will.session, will.delay_interval_s,
                       will.has_message_expiry ? "expires" : "stays",
                       will.message_expiry_interval_s, text_of(will.message));
}
std::string text_of_incoming(core::SessionId session, protocol::PacketId packet_id) {
    return fmt::format("incoming {} {}", session, protocol::to_wire(packet_id));
}
std::string text_of_queued(core::SessionId session, core::MessageId id, std::uint32_t terms,
                           const std::vector<std::uint32_t>& identifiers,
                           const core::MessageRef& message) {
    return fmt::format("queued {} {:08} terms {} {}: {}", session, id, terms,
                       fmt::join(identifiers, ","), text_of(message));
}
std::string text_of_inflight(core::SessionId session, std::size_t place,
                             protocol::PacketId packet_id, const std::string& message) {
    return fmt::format("inflight {} #{:05} {}: {}", session, place, protocol::to_wire(packet_id),
                       message);
}
std::string text_of(const core::RecoveredRetained& retained) {
    return fmt::format("retained {}: {}", retained.id, text_of(retained.message));
}
std::string join_sorted(std::vector<std::string> lines) {
    std::sort(lines.begin(), lines.end());
    return fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string difference(const std::optional<std::string>& actual, const std::string& expected) {
    if (!actual) {
        return "the store failed";
    }
    std::istringstream left(*actual);
    std::istringstream right(expected);
    std::string is;
    std::string should_be;
    while (true) {
        const bool has_left = static_cast<bool>(std::getline(left, is));
        const bool has_right = static_cast<bool>(std::getline(right, should_be));
        if (!has_left && !has_right) {
            return "";
        }
        if (has_left != has_right || is != should_be) {
            return fmt::format("is: {:.150}; should be: {:.150}", has_left ? is : "(end)",
                               has_right ? should_be : "(end)");
        }
    }
}

StoreHarness::StoreHarness(const HarnessOptions& options)
    : next_ticket_(options.shard_count), durable_(options.shard_count) {
    FaultVfs::instance();  // before the store asks for the default VFS
    const core::ShardIndex shards = options.shard_count;
    const auto place = [shards](std::string_view text) {
        return static_cast<core::ShardIndex>(std::hash<std::string_view>{}(text) % shards);
    };
    store::StoreOptions made;
    made.directory = options.directory;
    made.shard_count = shards;
    // As if the broker's clock had gone on: instants mean the same in every run of a test.
    made.clock_base = core::Instant{} + std::chrono::hours(1) +
                      std::chrono::milliseconds(options.wall_ms - HarnessOptions{}.wall_ms);
    made.wall_ms_at_base = options.wall_ms;
    made.shard_of_session = place;
    made.shard_of_retained = place;
    made.lazy_delay = options.lazy_delay;
    made.retry_delay = options.retry_delay;
    made.deliver = [this](core::ShardIndex shard, core::StoreNews news) {
        take(shard, std::move(news));
    };
    made.on_fatal = [this](const std::string& line) {
        const std::lock_guard lock(mutex_);
        fatal_ = line;
        changed_.notify_all();
    };
    store_ = store::SqliteStore::open(std::move(made));
    recovered_ = store_->recover();
}

StoreHarness::~StoreHarness() {
    store_.reset();
}

void StoreHarness::take(core::ShardIndex shard, core::StoreNews news) {
    const std::lock_guard lock(mutex_);
    durable_[shard] = std::max(durable_[shard], news.durable);
    refuses_ = news.refuses;
    for (core::LoadedMessages& each : news.loaded) {
        loaded_.push_back(std::move(each));
    }
    changed_.notify_all();
}

core::StoreTicket StoreHarness::submit(core::ShardIndex shard,
                                       std::vector<core::StoreRecord> records, bool is_urgent) {
    const core::StoreTicket ticket = ++next_ticket_[shard];
    store_->port(shard).submit(ticket, {std::move(records), is_urgent});
    return ticket;
}

bool StoreHarness::wait_durable(core::ShardIndex shard, core::StoreTicket ticket) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return durable_[shard] >= ticket || !fatal_.empty(); });
    return durable_[shard] >= ticket;
}

bool StoreHarness::wait_refuses(bool refuses) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return refuses_ == refuses || !fatal_.empty(); });
    return refuses_ == refuses;
}

std::optional<core::LoadedMessages> StoreHarness::load(core::ShardIndex shard,
                                                       core::SessionId session,
                                                       std::vector<core::MessageId> ids) {
    ask(shard, session, std::move(ids));
    return take_loaded();
}

void StoreHarness::ask(core::ShardIndex shard, core::SessionId session,
                       std::vector<core::MessageId> ids) {
    store_->port(shard).load({1, session, std::move(ids)});
}

std::optional<core::LoadedMessages> StoreHarness::take_loaded() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !loaded_.empty() || !fatal_.empty(); });
    if (loaded_.empty()) {
        return std::nullopt;
    }
    core::LoadedMessages loaded = std::move(loaded_.front());
    loaded_.erase(loaded_.begin());
    return loaded;
}

core::StoreTicket StoreHarness::durable(core::ShardIndex shard) const {
    const std::lock_guard lock(mutex_);
    return durable_[shard];
}

std::string StoreHarness::fatal() const {
    const std::lock_guard lock(mutex_);
    return fatal_;
}

std::optional<std::string> StoreHarness::dump() {
    std::vector<std::string> lines;
    for (core::ShardIndex shard = 0; shard < recovered_.size(); ++shard) {
        for (const core::RecoveredSession& session : recovered_[shard].sessions) {
            std::optional<std::string> text = dump_session(shard, session);
            if (!text) {
                return std::nullopt;
            }
            lines.push_back(std::move(*text));
        }
        for (const core::RecoveredRetained& retained : recovered_[shard].retained) {
            lines.push_back(text_of(retained) + "\n");
        }
    }
    return join_sorted(std::move(lines));
}

std::optional<std::string> StoreHarness::dump_session(core::ShardIndex shard,
                                                      const core::RecoveredSession& session) {
    std::vector<std::string> lines{text_of(session)};
    for (const core::RecoveredSubscription& each : session.subscriptions) {
        lines.push_back(text_of(session.id, each));
    }
    if (session.will) {
        lines.push_back(text_of(*session.will));
    }
    for (const protocol::PacketId each : session.incoming_qos2) {
        lines.push_back(text_of_incoming(session.id, each));
    }
    std::vector<core::MessageId> ids;
    for (const core::RecoveredInflight& each : session.window) {
        ids.push_back(each.delivery.message);
    }
    std::erase(ids, core::MessageId{0});
    for (const core::RecoveredDelivery& each : session.queue) {
        ids.push_back(each.message);
    }
    const std::optional<core::LoadedMessages> loaded = load(shard, session.id, ids);
    if (!loaded) {
        return std::nullopt;
    }
    std::size_t next = 0;
    std::vector<std::uint32_t> identifiers = session.identifiers;
    for (std::size_t place = 0; place < session.window.size(); ++place) {
        const core::RecoveredInflight& each = session.window[place];
        const std::string message =
            each.is_released
                ? "released"
                : text_of_queued(session.id, each.delivery.message, each.delivery.terms,
                                 take_identifiers(identifiers, each.delivery.terms),
                                 loaded->messages[next++]);
        lines.push_back(text_of_inflight(session.id, place, each.packet_id, message));
    }
    for (const core::RecoveredDelivery& each : session.queue) {
        lines.push_back(text_of_queued(session.id, each.message, each.terms,
                                       take_identifiers(identifiers, each.terms),
                                       loaded->messages[next++]));
    }
    return join_sorted(std::move(lines));
}

}  // namespace martlet::testing
