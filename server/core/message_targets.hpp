// The sessions of one shard that a stored message is for: nearly always one, which is kept in
// place.
// Ownership: a value. Threading: that of its owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "server/core/boxed.hpp"
#include "server/core/row_ids.hpp"

namespace martlet::core {

// How a message goes to one session: DeliveryTerms::bits(). With extras, their value is how many
// Subscription Identifiers it has among MessagePut::identifiers().
struct MessageTarget {
    SessionId session = 0;
    std::uint32_t terms = 0;
};

class MessageTargets {
public:
    void push_back(const MessageTarget& target) {
        if (all_) {
            all_->push_back(target);
        } else if (first_.session == 0) {
            first_ = target;
        } else {
            all_ = std::vector{first_, target};
        }
    }
    // In the order they came. Until the next change.
    std::span<const MessageTarget> view() const {
        return all_ ? std::span(*all_) : std::span(&first_, first_.session == 0 ? 0 : 1);
    }
    std::size_t size() const { return view().size(); }
    bool empty() const { return first_.session == 0; }

private:
    MessageTarget first_;                      // no session: there are none
    Boxed<std::vector<MessageTarget>> all_{};  // this one too, once there is another
};

}  // namespace martlet::core
