// Shared subscriptions whose home is this shard: groups, their members, and whose turn it is.
//
// Exactly one member of a group gets a message. Members who are connected and have credit (fewer
// messages unfinished than the window) take turns; when none has, all connected ones do; a
// persistent member who is away is given messages only while nobody is connected. Threading: its
// shard's thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/core/shard_link.hpp"
#include "server/core/slots.hpp"
#include "server/core/subscription_tree.hpp"

namespace martlet::core {

struct SharedMember {
    SessionAddress address;
    std::uint32_t packed = 0;  // as Subscriber::packed
    std::uint32_t outstanding = 0;
    bool online = false;
    bool persistent = false;
};

class SharedGroups {
public:
    struct Choice {
        SharedMember* member = nullptr;
        GroupAddress group;
    };

    SharedGroups(ShardIndex shard, std::uint64_t hash_seed) : tree_(hash_seed), shard_(shard) {}

    // Joins, or changes the terms of a member that is in already.
    void join(const SharedJoinItem& item);
    // Leaves; the last member takes the group along. What it was given and did not finish comes
    // back as SharedResultItem from its own shard.
    void leave(std::string_view group, std::string_view filter, const SessionAddress& member);
    void set_online(std::string_view group, std::string_view filter, const SessionAddress& member,
                    bool online);
    void complete(const GroupAddress& group, const SessionAddress& member, std::uint32_t count);

    // For each group whose filter matches: f(Choice). The chosen member's `outstanding` is counted
    // up.
    template <class F>
    void choose_for(std::string_view topic, std::uint32_t window, F&& f) {
        if (tree_.subscription_count() == 0) {
            return;
        }
        matched_.clear();
        tree_.match(topic, [this](FilterKey, std::span<const Subscriber> groups) {
            for (const Subscriber& entry : groups) {
                matched_.push_back(entry.session);
            }
        });
        for (const std::uint32_t slot : matched_) {
            f(choose(groups_[slot], window));
        }
    }
    // Another member for a message that came back; null when the group is gone.
    Choice choose_again(const GroupAddress& group, std::uint32_t window);

    std::size_t group_count() const { return groups_.size(); }
    std::size_t member_count() const { return member_count_; }

private:
    struct Group {
        GroupAddress address;
        std::string index_key;
        std::string filter;
        std::vector<SharedMember> members;
        std::size_t next = 0;  // whose turn it is
        std::size_t online = 0;
        FilterKey key = 0;
        std::uint32_t position = 0;
    };

    static std::string index_key(std::string_view group, std::string_view filter);
    Group* find(std::string_view group, std::string_view filter);
    static SharedMember* find_member(Group& group, const SessionAddress& address);
    Choice choose(Group& group, std::uint32_t window);
    void erase(Group& group, std::uint32_t slot);

    SubscriptionTree tree_;  // Subscriber::session is the group's slot
    Slots<Group> groups_;
    std::unordered_map<std::string, std::uint32_t> by_name_;
    std::unordered_map<std::uint64_t, std::uint32_t> by_key_;
    std::vector<std::uint32_t> matched_;
    std::uint64_t last_key_ = 0;
    std::size_t member_count_ = 0;
    ShardIndex shard_;
};

}  // namespace martlet::core
