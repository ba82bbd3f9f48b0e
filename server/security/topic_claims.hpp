// What a token itself permits: Topic Filters to publish to and to subscribe to, kept as text that
// is matched where it lies.
//
// The text is opaque to everybody else: a byte that says which of the two are restricted, then for
// each filter a byte that says which it belongs to, its size in two bytes, and the filter.
// Lifetime: TopicClaims borrows the text. Threading: values; matching allocates nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/security/rule_tree.hpp"

namespace martlet::security {

class TopicClaimsBuilder {
public:
    // Restricts the right to the filters that are added for it; to nothing if none is.
    void restrict(Rights right);
    // `filter` is a valid one.
    void add(Rights right, std::string_view filter);
    std::string take() { return std::move(text_); }

private:
    std::string text_ = std::string(1, '\0');
};

class TopicClaims {
public:
    explicit TopicClaims(std::string_view text) : text_(text) {}

    bool permits(std::string_view topic, Rights right) const;
    bool may_subscribe(std::string_view filter) const;
    bool may_read_all(std::string_view filter) const;

private:
    bool restricts(Rights right) const;
    template <class Predicate>
    bool any_filter(Rights right, Predicate predicate) const;

    std::string_view text_;  // empty: nothing is restricted
};

}  // namespace martlet::security
