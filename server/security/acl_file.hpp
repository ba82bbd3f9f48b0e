// Reads an acl_file in mosquitto's form.
//
//   topic [read|write|readwrite|deny] FILTER     for the user above; before any, for clients
//                                                without a user name (anonymous ones)
//   user NAME
//   pattern [read|write|readwrite|deny] FILTER   for everybody; %c and %u in it stand for the
//                                                client identifier and the user name
//
// Without a word for it both reading and writing are meant; a filter with blanks in it needs the
// word. Empty lines and lines that begin with # are skipped.
// Ownership: values. Threading: immutable once parsed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/security/file_fault.hpp"
#include "server/security/rule_tree.hpp"

namespace martlet::security {

struct AclRule {
    Rights rights = 0;
    std::string filter;  // of a pattern: with %c and %u in it
};

struct AclFile {
    std::vector<AclRule> anonymous;
    std::map<std::string, std::vector<AclRule>, std::less<>> users;
    std::vector<AclRule> patterns;
};

// All faults of the text; the file is usable exactly if there are none.
std::variant<AclFile, FileFaults> parse_acl_file(std::string_view text);
std::variant<AclFile, FileFaults> load_acl_file(const std::string& path);

}  // namespace martlet::security
