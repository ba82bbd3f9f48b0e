// The broker's account of itself on $SYS/broker/..., under mosquitto's names.
//
// Each round turns summed counters into the topics whose text has changed since the last one; load
// averages are mosquitto's: exponentially weighted, per minute, over 1, 5 and 15 minutes.
// Threading: one thread only (whoever runs the rounds).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/core/counters.hpp"

namespace martlet::admin {

struct SysTopic {
    std::string topic;
    std::string value;
};

// What the counters do not know.
struct SysFacts {
    std::chrono::seconds uptime{0};
    std::uint64_t heap_bytes = 0;
    std::uint64_t heap_limit_bytes = 0;  // 0: none
    // Since the start.
    std::uint64_t sockets_opened = 0;
    std::uint64_t handshakes_failed = 0;  // TLS
    std::uint64_t certificates_refused = 0;
    std::uint64_t certificates_withdrawn = 0;
    // By the listener's port.
    std::map<std::uint16_t, std::int64_t> certificate_days_left{};
    std::uint64_t failed_logins = 0;
    std::uint64_t logins_refused_busy = 0;
    std::uint64_t logins_refused_banned = 0;
    std::uint64_t addresses_banned = 0;
};

class SysTopics {
public:
    explicit SysTopics(std::string version) : version_(std::move(version)) {}

    // The topics to publish (retained) now. `interval` is the time since the last round; the first
    // round publishes everything.
    std::vector<SysTopic> round(const core::Counters& totals, const SysFacts& facts,
                                std::chrono::duration<double> interval);

private:
    struct Load {
        std::string_view name;
        std::uint64_t last = 0;
        std::array<double, 3> average{};
    };

    void put(std::vector<SysTopic>& out, std::string_view name, std::string value);
    void put(std::vector<SysTopic>& out, std::string_view name, std::uint64_t value);
    void put_reasons(std::vector<SysTopic>& out, const core::Counters& totals,
                     const SysFacts& facts);
    void put_tls(std::vector<SysTopic>& out, const SysFacts& facts);
    void put_loads(std::vector<SysTopic>& out, const core::Counters& totals, const SysFacts& facts,
                   std::chrono::duration<double> interval);

    std::string version_;
    std::unordered_map<std::string, std::string> published_;
    std::uint64_t clients_maximum_ = 0;
    std::uint64_t heap_maximum_ = 0;
    bool first_round_ = true;
    std::array<Load, 9> loads_{{{"messages/received"},
                                {"messages/sent"},
                                {"publish/dropped"},
                                {"publish/received"},
                                {"publish/sent"},
                                {"bytes/received"},
                                {"bytes/sent"},
                                {"sockets"},
                                {"connections"}}};
};

}  // namespace martlet::admin
