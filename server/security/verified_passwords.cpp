#include "server/security/verified_passwords.hpp"

#include <algorithm>
#include <cstring>

#include "server/security/crypto.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t secret_bytes = 32;

}  // namespace

// The key is the output of an HMAC: any part of it is as good as another.
std::size_t VerifiedPasswords::KeyHash::operator()(const ScramKey& key) const {
    std::size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof(hash));
    return hash;
}

VerifiedPasswords::VerifiedPasswords(std::size_t entries_max)
    : entries_max_(std::max<std::size_t>(entries_max, 1)), secret_(random_bytes(secret_bytes)) {
}

ScramKey VerifiedPasswords::digest(std::string_view user, std::string_view password,
                                   std::string_view tag) const {
    // Sizes before texts, so that no two triples give one text.
    std::string text = std::to_string(user.size()) + ":" + std::to_string(tag.size()) + ":";
    text.reserve(text.size() + user.size() + tag.size() + password.size());
    text += user;
    text += tag;
    text += password;
    const ScramKey digest = hmac_sha256(secret_, text);
    wipe(text);
    return digest;
}

bool VerifiedPasswords::contains(const ScramKey& digest) const {
    const std::lock_guard lock(mutex_);
    return known_.contains(digest);
}

void VerifiedPasswords::add(const ScramKey& digest) {
    const std::lock_guard lock(mutex_);
    if (!known_.insert(digest).second) {
        return;
    }
    if (in_order_.size() < entries_max_) {
        in_order_.push_back(digest);
        return;
    }
    known_.erase(in_order_[oldest_]);
    in_order_[oldest_] = digest;
    oldest_ = (oldest_ + 1) % entries_max_;
}

}  // namespace martlet::security
