// What an access list permits.
//
// A deny wins over everything, the user's own or a pattern's; what nothing grants is refused. The
// client identifier and the user name in a pattern are part of one topic level: a name with '+',
// '#' or '/' in it is granted nothing by patterns, and a pattern that denies takes it for '+'. A
// topic that begins with '$' is concerned only by a rule that itself begins so.
//
// Ownership: a value. Threading: immutable; questions about topics allocate nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/security/acl_file.hpp"
#include "server/security/rule_tree.hpp"

namespace martlet::security {

// Who asks; an empty user name is an anonymous client.
struct AclSubject {
    std::string_view user_name;
    std::string_view client_id;
};

class Acl {
public:
    explicit Acl(AclFile file);

    // `right` is right_read or right_write.
    bool permits(const AclSubject& subject, std::string_view topic, Rights right) const;

    // Whether the filter may bring its owner anything: what it may not read is held back at
    // delivery.
    bool may_subscribe(const AclSubject& subject, std::string_view filter) const;
    // Whether all topics of the filter may be read; false where one rule alone does not show it.
    bool may_read_all(const AclSubject& subject, std::string_view filter) const;

private:
    struct UserRules {
        RuleTree tree;
        std::vector<AclRule> list;
    };
    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const {
            return std::hash<std::string_view>{}(name);
        }
    };

    static UserRules compile(std::vector<AclRule> list);
    const UserRules* rules_of(std::string_view user_name) const;
    // Calls `take(rights, filter)` for every rule that concerns the subject, names put in.
    template <class Take>
    void for_each_rule(const AclSubject& subject, Take take) const;

    UserRules anonymous_;
    std::unordered_map<std::string, UserRules, NameHash, std::equal_to<>> users_;
    std::vector<AclRule> patterns_;
};

}  // namespace martlet::security
