// Who has failed to log in too often, and is not listened to for a while.
//
// By address; of IPv6 the first 64 bits, since a machine may choose the others. Addresses of this
// machine are exempt. Bounded: the one that was noted first goes.
// Threading: shared, internally synchronised; time comes in as a value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "server/core/time.hpp"

namespace martlet::security {

struct BanPolicy {
    std::uint32_t failures_max = 0;  // within failure_window; 0: nobody is banned
    core::Duration duration{};
};

inline constexpr core::Duration failure_window = std::chrono::seconds(60);

class FailedLogins {
public:
    explicit FailedLogins(std::size_t addresses_max) : addresses_max_(addresses_max) {}

    // `peer` as ConnectionInfo has it, with its port.
    bool is_banned(std::string_view peer, core::Instant now);
    // True when this was one too many and a ban begins.
    bool note_failure(std::string_view peer, const BanPolicy& policy, core::Instant now);

    std::size_t size() const;

private:
    using Address = std::array<unsigned char, 8>;
    struct AddressHash {
        std::size_t operator()(const Address& address) const;
    };
    struct Record {
        Address address{};
        core::Instant since{};  // of the first failure that is counted
        std::uint32_t failures = 0;
        core::Instant banned_until{};
    };
    using Records = std::list<Record>;

    static std::optional<Address> address_of(std::string_view peer);

    const std::size_t addresses_max_;
    mutable std::mutex mutex_;
    Records records_;  // oldest first
    std::unordered_map<Address, Records::iterator, AddressHash> by_address_;
};

}  // namespace martlet::security
