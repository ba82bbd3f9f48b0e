// One pattern of an access list, held against a topic or made into a filter.
// Threading: pure functions; holding it against a topic allocates nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/security/acl_file.hpp"

namespace martlet::security {

struct PatternNames {
    std::string_view user_name;  // empty: anonymous, nobody that %u could stand for
    std::string_view client_id;
};

// Whether the pattern, names put in, matches the topic; see acl.hpp for names that can not be put
// in.
bool pattern_matches(const AclRule& pattern, std::string_view topic, const PatternNames& names);

// The filter that the pattern becomes; nothing if it concerns nobody of these names.
std::optional<std::string> filter_of_pattern(const AclRule& pattern, const PatternNames& names);

}  // namespace martlet::security
