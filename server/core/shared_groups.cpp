#include "server/core/shared_groups.hpp"

#include <algorithm>

namespace martlet::core {

std::string SharedGroups::index_key(std::string_view group, std::string_view filter) {
    // A ShareName holds no '/', so the pair is unambiguous.
    std::string key;
    key.reserve(group.size() + 1 + filter.size());
    key.append(group).append("/").append(filter);
    return key;
}

SharedGroups::Group* SharedGroups::find(std::string_view group, std::string_view filter) {
    const auto found = by_name_.find(index_key(group, filter));
    return found == by_name_.end() ? nullptr : groups_.get(found->second);
}

SharedMember* SharedGroups::find_member(Group& group, const SessionAddress& address) {
    const auto found = std::find_if(group.members.begin(), group.members.end(),
                                    [&](const SharedMember& m) { return m.address == address; });
    return found == group.members.end() ? nullptr : &*found;
}

void SharedGroups::join(const SharedJoinItem& item) {
    Group* group = find(item.group, item.filter);
    if (group == nullptr) {
        const std::uint32_t slot = groups_.emplace();
        group = groups_.get(slot);
        group->address = {++last_key_, shard_};
        group->index_key = index_key(item.group, item.filter);
        group->filter = item.filter;
        Subscriber entry{};
        entry.session = slot;
        const SubscriptionTree::Place place = tree_.add(item.filter, entry);
        group->key = place.key;
        group->position = place.position;
        by_name_.emplace(group->index_key, slot);
        by_key_.emplace(group->address.key, slot);
    }
    SharedMember* member = find_member(*group, item.member);
    if (member == nullptr) {
        group->members.push_back({item.member, 0, 0, false, false});
        member = &group->members.back();
        ++member_count_;
    }
    member->packed = item.packed;
    member->persistent = item.persistent;
    group->online +=
        static_cast<std::size_t>(item.online) - static_cast<std::size_t>(member->online);
    member->online = item.online;
}

void SharedGroups::leave(std::string_view group_name, std::string_view filter,
                         const SessionAddress& address) {
    Group* group = find(group_name, filter);
    SharedMember* member = group == nullptr ? nullptr : find_member(*group, address);
    if (member == nullptr) {
        return;
    }
    group->online -= static_cast<std::size_t>(member->online);
    group->members.erase(group->members.begin() + (member - group->members.data()));
    --member_count_;
    if (group->members.empty()) {
        erase(*group, by_key_.at(group->address.key));
    }
}

void SharedGroups::erase(Group& group, std::uint32_t slot) {
    if (const auto moved = tree_.remove(group.key, group.position)) {
        groups_[moved->session].position = group.position;
    }
    by_name_.erase(group.index_key);
    by_key_.erase(group.address.key);
    groups_.erase(slot);
}

void SharedGroups::set_online(std::string_view group_name, std::string_view filter,
                              const SessionAddress& address, bool online) {
    Group* group = find(group_name, filter);
    SharedMember* member = group == nullptr ? nullptr : find_member(*group, address);
    if (member == nullptr || member->online == online) {
        return;
    }
    member->online = online;
    group->online = online ? group->online + 1 : group->online - 1;
    if (!online) {
        member->outstanding = 0;  // what it had comes back or is finished in its own session
    }
}

void SharedGroups::complete(const GroupAddress& address, const SessionAddress& member_address,
                            std::uint32_t count) {
    const auto found = by_key_.find(address.key);
    if (found == by_key_.end()) {
        return;
    }
    if (SharedMember* member = find_member(groups_[found->second], member_address)) {
        member->outstanding -= std::min(member->outstanding, count);
    }
}

SharedGroups::Choice SharedGroups::choose(Group& group, std::uint32_t window) {
    const std::size_t size = group.members.size();
    SharedMember* any_online = nullptr;
    SharedMember* any_away = nullptr;
    SharedMember* chosen = nullptr;
    std::size_t at = group.next < size ? group.next : 0;
    for (std::size_t i = 0; i < size; ++i, at = at + 1 == size ? 0 : at + 1) {
        SharedMember& member = group.members[at];
        if (member.online && member.outstanding < window) {
            chosen = &member;
            break;
        }
        if (member.online && any_online == nullptr) {
            any_online = &member;
        }
        if (!member.online && member.persistent && any_away == nullptr) {
            any_away = &member;
            if (group.online == 0) {
                break;
            }
        }
    }
    if (chosen == nullptr) {
        chosen = any_online != nullptr ? any_online : any_away;
    }
    if (chosen == nullptr) {
        return {};
    }
    ++chosen->outstanding;
    group.next = static_cast<std::size_t>(chosen - group.members.data()) + 1;
    return {chosen, group.address};
}

SharedGroups::Choice SharedGroups::choose_again(const GroupAddress& address, std::uint32_t window) {
    const auto found = by_key_.find(address.key);
    return found == by_key_.end() ? Choice{} : choose(groups_[found->second], window);
}

}  // namespace martlet::core
