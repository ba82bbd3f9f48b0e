// How two Topic Filters relate, as sets of the topic names they match: whether they have one in
// common, and whether one has all of the other's. Exact; topics that begin with '$' are matched by
// no filter that begins with a wildcard, here too. The empty name counts as one.
// Threading: pure functions, without allocation.
#pragma once

#include <string_view>

namespace martlet::security {

// Both are valid filters.
bool filters_overlap(std::string_view a, std::string_view b);
// Whether `outer` matches every topic that `inner` does.
bool filter_covers(std::string_view outer, std::string_view inner);

}  // namespace martlet::security
