#include "server/security/failed_logins.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace martlet::security {

namespace {

constexpr std::size_t address4_size = 4;
constexpr std::array<unsigned char, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

std::size_t FailedLogins::AddressHash::operator()(const Address& address) const {
    std::uint64_t bits = 0;
    std::memcpy(&bits, address.data(), sizeof(bits));
    // Whoever has many networks may choose the bits, but not 64 of them so that it matters: the
    // table is bounded.
    return static_cast<std::size_t>(bits * 0x9E3779B97F4A7C15ULL >> 8U);
}

// Nothing for this machine, and for what is no address.
std::optional<FailedLogins::Address> FailedLogins::address_of(std::string_view peer) {
    const std::size_t colon = peer.rfind(':');
    std::string text(peer.substr(0, colon));
    std::array<unsigned char, 16> bytes{};
    Address address{};
    if (text.starts_with('[')) {
        text = text.substr(1, text.find_first_of("%]") - 1);
        if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) {
            return std::nullopt;
        }
        const bool is_mapped =
            std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin());
        if (!is_mapped) {
            if (text == "::1") {
                return std::nullopt;
            }
            std::copy_n(bytes.begin(), address.size(), address.begin());
            return address;
        }
        std::copy_n(bytes.begin() + mapped_prefix.size(), address4_size, bytes.begin());
    } else if (inet_pton(AF_INET, text.c_str(), bytes.data()) != 1) {
        return std::nullopt;
    }
    constexpr unsigned char loopback = 127;
    if (bytes[0] == loopback) {
        return std::nullopt;
    }
    // Behind four bytes that no network of IPv6 begins with.
    std::fill_n(address.begin(), address4_size, static_cast<unsigned char>(0xFF));
    std::copy_n(bytes.begin(), address4_size, address.begin() + address4_size);
    return address;
}

bool FailedLogins::is_banned(std::string_view peer, core::Instant now) {
    const std::lock_guard lock(mutex_);
    if (records_.empty()) {
        return false;
    }
    const auto address = address_of(peer);
    if (!address) {
        return false;
    }
    const auto found = by_address_.find(*address);
    return found != by_address_.end() && now < found->second->banned_until;
}

bool FailedLogins::note_failure(std::string_view peer, const BanPolicy& policy, core::Instant now) {
    const auto address = address_of(peer);
    if (policy.failures_max == 0 || !address) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    const auto [found, is_new] = by_address_.try_emplace(*address);
    if (is_new) {
        found->second = records_.insert(records_.end(), Record{*address, now, 0, {}});
        if (records_.size() > addresses_max_) {
            by_address_.erase(records_.front().address);
            records_.pop_front();
        }
    }
    Record& record = *by_address_.find(*address)->second;
    if (now < record.banned_until) {
        return false;  // decided before the ban began
    }
    if (now - record.since > failure_window) {
        record.since = now;
        record.failures = 0;
    }
    if (++record.failures < policy.failures_max) {
        return false;
    }
    record.failures = 0;
    record.since = now;
    record.banned_until = now + policy.duration;
    return true;
}

std::size_t FailedLogins::size() const {
    const std::lock_guard lock(mutex_);
    return records_.size();
}

}  // namespace martlet::security
