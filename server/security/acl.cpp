#include "server/security/acl.hpp"

#include <algorithm>
#include <utility>

#include "server/security/acl_pattern.hpp"
#include "server/security/filter_relations.hpp"

namespace martlet::security {

namespace {

bool is_granted(Rights rights, Rights wanted) {
    return (rights & wanted) != 0 && (rights & right_denied) == 0;
}

}  // namespace

Acl::Acl(AclFile file)
    : anonymous_(compile(std::move(file.anonymous))), patterns_(std::move(file.patterns)) {
    for (auto& [name, list] : file.users) {
        users_.emplace(name, compile(std::move(list)));
    }
}

Acl::UserRules Acl::compile(std::vector<AclRule> list) {
    std::sort(list.begin(), list.end(),
              [](const AclRule& a, const AclRule& b) { return a.filter < b.filter; });
    UserRules rules;
    for (const AclRule& rule : list) {
        rules.tree.add(rule.filter, rule.rights);
    }
    rules.list = std::move(list);
    return rules;
}

const Acl::UserRules* Acl::rules_of(std::string_view user_name) const {
    if (user_name.empty()) {
        return &anonymous_;
    }
    const auto found = users_.find(user_name);
    return found == users_.end() ? nullptr : &found->second;
}

bool Acl::permits(const AclSubject& subject, std::string_view topic, Rights right) const {
    const UserRules* own = rules_of(subject.user_name);
    Rights rights = own == nullptr ? Rights{0} : own->tree.find(topic);
    const PatternNames names{subject.user_name, subject.client_id};
    for (const AclRule& pattern : patterns_) {
        if ((rights & right_denied) != 0) {
            return false;
        }
        // Those that could not change the answer are not looked at.
        if ((pattern.rights & ~rights & (right | right_denied)) != 0 &&
            pattern_matches(pattern, topic, names)) {
            rights |= pattern.rights;
        }
    }
    return is_granted(rights, right);
}

template <class Take>
void Acl::for_each_rule(const AclSubject& subject, Take take) const {
    if (const UserRules* own = rules_of(subject.user_name)) {
        for (const AclRule& rule : own->list) {
            take(rule.rights, std::string_view(rule.filter));
        }
    }
    for (const AclRule& pattern : patterns_) {
        if (const auto filter =
                filter_of_pattern(pattern, {subject.user_name, subject.client_id})) {
            take(pattern.rights, std::string_view(*filter));
        }
    }
}

bool Acl::may_subscribe(const AclSubject& subject, std::string_view filter) const {
    bool is_readable = false;
    bool is_denied = false;
    for_each_rule(subject, [&](Rights rights, std::string_view rule) {
        if ((rights & right_denied) != 0) {
            is_denied = is_denied || filter_covers(rule, filter);
        } else if ((rights & right_read) != 0) {
            is_readable = is_readable || filters_overlap(rule, filter);
        }
    });
    return is_readable && !is_denied;
}

bool Acl::may_read_all(const AclSubject& subject, std::string_view filter) const {
    bool is_readable = false;
    bool is_denied = false;
    for_each_rule(subject, [&](Rights rights, std::string_view rule) {
        if ((rights & right_denied) != 0) {
            is_denied = is_denied || filters_overlap(rule, filter);
        } else if ((rights & right_read) != 0) {
            is_readable = is_readable || filter_covers(rule, filter);
        }
    });
    return is_readable && !is_denied;
}

}  // namespace martlet::security
