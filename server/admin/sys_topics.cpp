#include "server/admin/sys_topics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace martlet::admin {

namespace {

constexpr std::string_view root = "$SYS/broker/";
constexpr std::array<int, 3> load_minutes{1, 5, 15};

}  // namespace

void SysTopics::put(std::vector<SysTopic>& out, std::string_view name, std::string value) {
    std::string topic(root);
    topic += name;
    std::string& before = published_[topic];
    if (before != value) {
        before = value;
        out.push_back({std::move(topic), std::move(value)});
    }
}

void SysTopics::put(std::vector<SysTopic>& out, std::string_view name, std::uint64_t value) {
    put(out, name, std::to_string(value));
}

std::vector<SysTopic> SysTopics::round(const core::Counters& totals, const SysFacts& facts,
                                       std::chrono::duration<double> interval) {
    std::vector<SysTopic> out;
    clients_maximum_ = std::max(clients_maximum_, totals.connections);
    heap_maximum_ = std::max(heap_maximum_, facts.heap_bytes);
    // Sessions include connected ones, so those without a connection are the difference.
    const std::uint64_t away =
        totals.sessions > totals.connections ? totals.sessions - totals.connections : 0;

    put(out, "version", version_);
    put(out, "uptime", fmt::format("{} seconds", facts.uptime.count()));
    put(out, "clients/total", totals.connections + away);
    put(out, "clients/connected", totals.connections);
    put(out, "clients/active", totals.connections);
    put(out, "clients/disconnected", away);
    put(out, "clients/inactive", away);
    put(out, "clients/maximum", clients_maximum_);
    put(out, "clients/expired", totals.sessions_expired);
    put(out, "messages/received", totals.packets_received);
    put(out, "messages/sent", totals.packets_sent);
    put(out, "messages/inflight", totals.inflight_messages);
    put(out, "messages/stored", totals.retained_messages + totals.queued_messages);
    put(out, "store/messages/count", totals.retained_messages + totals.queued_messages);
    put(out, "store/messages/bytes", totals.retained_bytes + totals.queued_bytes);
    put(out, "retained messages/count", totals.retained_messages);
    put(out, "subscriptions/count", totals.subscriptions);
    put(out, "shared_subscriptions/count", totals.shared_subscriptions);
    put(out, "bytes/received", totals.bytes_received);
    put(out, "bytes/sent", totals.bytes_sent);
    put(out, "publish/messages/received", totals.publishes_received);
    put(out, "publish/messages/sent", totals.publishes_sent);
    put(out, "publish/messages/dropped", totals.dropped());
    put(out, "publish/bytes/received", totals.publish_bytes_received);
    put(out, "publish/bytes/sent", totals.publish_bytes_sent);
    put(out, "heap/current", facts.heap_bytes);
    put(out, "heap/maximum", heap_maximum_);
    put(out, "heap/limit", facts.heap_limit_bytes);

    put_reasons(out, totals, facts);
    put_tls(out, facts);
    put_loads(out, totals, facts, interval);
    first_round_ = false;
    return out;
}

// Beyond mosquitto's names: why messages were dropped, and who was held up or turned away.
void SysTopics::put_reasons(std::vector<SysTopic>& out, const core::Counters& totals,
                            const SysFacts& facts) {
    put(out, "publish/messages/dropped/queue_full", totals.dropped_queue_full);
    put(out, "publish/messages/dropped/slow_subscriber", totals.dropped_slow_subscriber);
    put(out, "publish/messages/dropped/too_large", totals.dropped_too_large);
    put(out, "publish/messages/dropped/expired", totals.dropped_expired);
    put(out, "publish/messages/dropped/not_permitted", totals.dropped_not_permitted);
    put(out, "publish/messages/dropped/retained_full", totals.dropped_retained_full);
    put(out, "publish/messages/dropped/session_ended", totals.dropped_session_ended);
    put(out, "publish/messages/dropped/store_full", totals.dropped_store_full);
    put(out, "publish/messages/dropped/unreadable", totals.dropped_unreadable);
    put(out, "publish/messages/dropped/memory_full", totals.dropped_memory_full);
    put(out, "publish/messages/refused", totals.publishes_refused);
    put(out, "publish/publishers_paused", totals.publishers_paused);
    put(out, "publish/publishers_throttled", totals.publishers_throttled);
    put(out, "clients/refused", totals.connects_refused);
    put(out, "clients/refused/memory_full", totals.refused_memory_full);
    put(out, "clients/refused/failed_logins", facts.failed_logins);
    put(out, "clients/refused/busy", facts.logins_refused_busy);
    put(out, "clients/refused/banned", facts.logins_refused_banned);
    put(out, "clients/banned_addresses", facts.addresses_banned);
    put(out, "clients/taken_over", totals.sessions_taken_over);
    put(out, "clients/rights_ended", totals.rights_ended);
    put(out, "clients/keep_alive_timeouts", totals.keep_alive_timeouts);
    put(out, "clients/protocol_errors", totals.protocol_errors);
}

// Handshakes that failed, those of them for the client's certificate, connections that
// ended because their certificate is no longer trusted, and how long our own is good for.
void SysTopics::put_tls(std::vector<SysTopic>& out, const SysFacts& facts) {
    put(out, "tls/handshakes_failed", facts.handshakes_failed);
    put(out, "tls/certificates_refused", facts.certificates_refused);
    put(out, "tls/certificates_withdrawn", facts.certificates_withdrawn);
    for (const auto& [port, days] : facts.certificate_days_left) {
        put(out, fmt::format("listeners/{}/certificate/days_left", port), std::to_string(days));
    }
}

void SysTopics::put_loads(std::vector<SysTopic>& out, const core::Counters& totals,
                          const SysFacts& facts, std::chrono::duration<double> interval) {
    const std::array<std::uint64_t, 9> now{
        totals.packets_received,   totals.packets_sent,   totals.dropped(),
        totals.publishes_received, totals.publishes_sent, totals.bytes_received,
        totals.bytes_sent,         facts.sockets_opened,  totals.connects_accepted};
    for (std::size_t i = 0; i < loads_.size(); ++i) {
        Load& load = loads_[i];
        const double per_minute =
            interval.count() > 0 ? static_cast<double>(now[i] - load.last) * 60.0 / interval.count()
                                 : 0.0;
        load.last = now[i];
        for (std::size_t k = 0; k < load_minutes.size(); ++k) {
            const double weight = std::exp(-interval.count() / (60.0 * load_minutes[k]));
            if (!first_round_) {
                load.average[k] = weight * load.average[k] + (1.0 - weight) * per_minute;
            }
            put(out, fmt::format("load/{}/{}min", load.name, load_minutes[k]),
                fmt::format("{:.2f}", load.average[k]));
        }
    }
}

}  // namespace martlet::admin
