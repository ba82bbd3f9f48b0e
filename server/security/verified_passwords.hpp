// Passwords that have been verified, so that a client that reconnects is not hashed again.
//
// Kept is an HMAC of user, password and the tag of the user's line, under a key of this process: it
// is of no use elsewhere, is not the password, and a line that changes makes it worthless. Bounded;
// the oldest goes.
// Threading: shared, internally synchronised.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "server/security/scram_credentials.hpp"

namespace martlet::security {

class VerifiedPasswords {
public:
    explicit VerifiedPasswords(std::size_t entries_max);

    // What stands for the three; nobody can tell them from it.
    ScramKey digest(std::string_view user, std::string_view password, std::string_view tag) const;

    bool contains(const ScramKey& digest) const;
    void add(const ScramKey& digest);

private:
    struct KeyHash {
        std::size_t operator()(const ScramKey& key) const;
    };

    const std::size_t entries_max_;
    const std::string secret_;
    mutable std::mutex mutex_;
    std::unordered_set<ScramKey, KeyHash> known_;
    std::vector<ScramKey> in_order_;  // a ring once it is full
    std::size_t oldest_ = 0;
};

}  // namespace martlet::security
