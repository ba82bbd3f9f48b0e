#include "server/security/topic_claims.hpp"

#include <cstddef>

#include "protocol/topic.hpp"
#include "server/security/filter_relations.hpp"

namespace martlet::security {

namespace {

constexpr std::size_t head_size = 3;

std::size_t byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

}  // namespace

void TopicClaimsBuilder::restrict(Rights right) {
    text_.front() = static_cast<char>(text_.front() | right);
}

void TopicClaimsBuilder::add(Rights right, std::string_view filter) {
    restrict(right);
    text_ += static_cast<char>(right);
    text_ += static_cast<char>(filter.size() >> 8U);
    text_ += static_cast<char>(filter.size() & 0xFFU);
    text_ += filter;
}

bool TopicClaims::restricts(Rights right) const {
    return !text_.empty() && (byte_at(text_, 0) & right) != 0;
}

template <class Predicate>
bool TopicClaims::any_filter(Rights right, Predicate predicate) const {
    std::string_view rest = text_.substr(1);
    while (rest.size() >= head_size) {
        const std::size_t size = byte_at(rest, 1) << 8U | byte_at(rest, 2);
        const std::string_view filter = rest.substr(head_size, size);
        if (byte_at(rest, 0) == right && predicate(filter)) {
            return true;
        }
        rest.remove_prefix(head_size + filter.size());
    }
    return false;
}

bool TopicClaims::permits(std::string_view topic, Rights right) const {
    return !restricts(right) || any_filter(right, [&](std::string_view claimed) {
        return protocol::matches(claimed, topic);
    });
}

bool TopicClaims::may_subscribe(std::string_view filter) const {
    return !restricts(right_read) || any_filter(right_read, [&](std::string_view claimed) {
        return filters_overlap(claimed, filter);
    });
}

bool TopicClaims::may_read_all(std::string_view filter) const {
    return !restricts(right_read) || any_filter(right_read, [&](std::string_view claimed) {
        return filter_covers(claimed, filter);
    });
}

}  // namespace martlet::security
